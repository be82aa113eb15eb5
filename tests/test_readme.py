"""README.md is true: its examples run, its table is the module's own, its installation installs."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from httpd import Httpd
from server import PROJECT

README = (PROJECT / "README.md").read_text()


class Try(NamedTuple):
    """A command of a console block, and what it prints."""

    command: str
    answer: str


def blocks(language: str) -> list[str]:
    """The code blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def replaced(text: str, places: dict[str, str]) -> str:
    """The text with other places for its files and ports."""
    for there, here in places.items():
        text = text.replace(there, here)
    return text


def tries(console: str) -> Iterator[Try]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        yield Try(*part.split("\n", 1))


CONF = replaced(
    "\n".join(blocks("apache")),
    {
        "/srv/python": "${HANDLERS}",
        "/var/www/html": "${HTDOCS}",
        "7007": "${LINE_PORT}",
        "7008": "${SHOUT_PORT}",
        "7009": "${TABLE_PORT}",
    },
)


@pytest.mark.parametrize("console", blocks("console"), ids=lambda console: list(tries(console))[-1].command)
def test_example(httpd: Httpd, console: str) -> None:
    for module in blocks("python"):
        name, _ = re.match(r"# /srv/python/(\w+\.py)\n()", module).groups()  # type: ignore[union-attr]
        httpd.handler(name, module)
    places = {
        "/var/www/html": str(httpd.htdocs),
        "http://localhost/": httpd.url("/"),
        "localhost:7007": f"localhost:{httpd.port_of('LINE_PORT')}",
        "localhost:7008": f"localhost:{httpd.port_of('SHOUT_PORT')}",
        "localhost:7009": f"localhost:{httpd.port_of('TABLE_PORT')}",
    }
    for command, answer in tries(console):
        command = replaced(command, places)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout.replace("\r", "") == answer


def test_its_test_of_a_filter(tmp_path: Path) -> None:
    for module in blocks("python"):
        (tmp_path / Path(module.split()[1]).name).write_text(module)
    env = {**os.environ, "PYTHONPATH": str(PROJECT / "python")}
    command = [sys.executable, "-m", "pytest", "-q", "test_care.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout


def test_the_directives_are_those_of_the_module(httpd: Httpd) -> None:
    told = httpd.query("-L").stdout
    rows = []
    for name, help_, where in re.findall(r"^(\w+) \(mod_python\.c\)\n\t(.*)\n\tAllowed in \*\.conf (.*)", told, re.M):
        place = "server" if "only outside" in where else "server, sections"
        if ".htaccess" in where:
            place += ", .htaccess"
        rows.append(f"| `{name}` | {place} | {help_.replace('|', chr(92) + '|')} |")
    assert len(rows) >= 9, told
    table = re.findall(r"^\| `Python.*", README, re.MULTILINE)
    assert table == rows, "README.md should say:\n" + "\n".join(rows)


def test_its_scripts_are_there() -> None:
    for script in re.findall(r"^(scripts/\w+)", "".join(blocks("sh")), re.MULTILINE):
        assert (PROJECT / script).stat().st_mode & 0o111


WHERE = """
import mod_python
def handler(req):
    req.write(mod_python.__file__)
    return 0
"""


def test_installation() -> None:
    # Not into this machine: into a folder, by the lines that put something somewhere.
    lines = next(block for block in blocks("sh") if "LIBEXECDIR" in block).splitlines()
    putting = [line.replace("sudo ", "") for line in lines if re.match(r"(sudo (install|rm|cp|chmod)|echo) ", line)]
    assert len(putting) == 6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        targets = ["$(apxs2 -q LIBEXECDIR)", "/usr/lib/python3/dist-packages", "/etc/apache2/mods-available"]
        script = replaced("\n".join(["umask 077", *putting]), dict.fromkeys(targets, name))
        subprocess.run(["bash", "-ec", script], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        conf = f"""
            Include "{folder}/python.load"
            PythonPath "sys.path + ['{folder}']"
            SetHandler mod_python
            PythonHandler where
        """
        (folder / "where.py").write_text(WHERE)
        test = "from mod_python import testing; print(testing.run(lambda filter: filter.pass_on(), b'yes').body)"
        env = {**os.environ, "PYTHONPATH": name, "MOD_PYTHON_SO": f"{name}/mod_python.so"}
        done = subprocess.run(["/usr/bin/python3", "-c", test], env=env, capture_output=True, text=True, check=True)
        assert done.stdout == "b'yes'\n"
        with Httpd(conf, with_python=False, env={"PYTHONPATH": name}) as server:
            assert server.get("/").text == f"{folder}/mod_python/__init__.py"
