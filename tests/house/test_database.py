"""conf-examples/database.conf with a real PostgreSQL: one pool a child, closed in order at the child's end."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from postgresql import postgresql, versions

from demo import EXAMPLES
from httpd import Httpd
from server import PROJECT

psycopg = pytest.importorskip("psycopg")
SIZE = 4
CLIENTS = 12
VISITS = 200


@pytest.fixture
def database() -> Iterator[tuple[str, Path]]:
    """The address of a database with the example's table, and the server's log."""
    if not versions():
        pytest.skip("Debian's package postgresql is not installed")
    with tempfile.TemporaryDirectory(prefix="mod_python.pg.") as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "server"
        with postgresql(folder, "-c log_min_messages=debug1 -c log_disconnections=on") as log:
            address = f"postgresql:///postgres?host={folder}&user=postgres"
            yield address, log


def example(address: str) -> str:
    """The example for a database, with the packages of the tests."""
    packages = next((PROJECT / "target/venv/lib").glob("python3*/site-packages"))
    lines = (EXAMPLES / "database.conf").read_text().splitlines()
    changed = {"PythonOption database ": address, "PythonOption connections ": str(SIZE)}
    for start, value in changed.items():
        [index] = [index for index, line in enumerate(lines) if line.startswith(start)]
        lines[index] = f'{start}"{value}"'
    conf = "\n".join(lines).replace("${ROOT}/handlers", "${HANDLERS}").replace("sys.path + [", f"['{packages}', ")
    return conf.replace("']\"", "'] + sys.path\"")


def value(address: str, query: str) -> int:
    """The number that a query gives."""
    with psycopg.connect(address) as connection:
        [found] = connection.execute(query).fetchone()
        return int(found)


IN_USE = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_the_example_with_postgresql(mpm: str, database: tuple[str, Path]) -> None:
    address, log = database
    table = (EXAMPLES / "handlers/database.py").read_text().split('TABLE = "')[1].split('"\n')[0]
    with psycopg.connect(address) as connection:
        connection.execute(table)
    httpd = Httpd(example(address), mpm=mpm)
    subprocess.run(["cp", EXAMPLES / "handlers/database.py", httpd.handlers], check=True)
    # Two children with threads, or sixteen with one each, which needs one connection.
    most = 16 if mpm == "prefork" else 2 * SIZE
    with httpd:
        with ThreadPoolExecutor(CLIENTS) as clients:
            answers = list(clients.map(lambda _: httpd.get("/visits").text, range(VISITS)))
            seen = value(address, IN_USE)
        assert sorted(int(answer.split()[1]) for answer in answers) == list(range(1, VISITS + 1))
        assert 1 <= seen <= most, "more connections than the pools of the children"
        httpd.graceful()
        assert httpd.get("/visits").text == f"visit {VISITS + 1}\n"
    ends = time.monotonic() + 30
    while value(address, IN_USE):
        assert time.monotonic() < ends, "connections are left"
        time.sleep(0.05)
    said = log.read_text()
    assert "disconnection: session time" in said
    # What PostgreSQL writes of a client that ends without a word.
    assert "unexpected EOF on client connection" not in said
