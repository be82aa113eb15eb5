"""`mod_python create`, `start`, `stop`, `restart`, `status`, `genconfig` and `version`."""

from collections.abc import Iterator

import pytest

from command_place import Place, get, wait_for_body
from server import free_ports

HANDLER = "def handler(req):\n    req.write(req.get_options()['greeting'])\n    return 0\n"


@pytest.fixture
def port() -> Iterator[int]:
    """A port that is kept free."""
    [port], claims = free_ports(1)
    yield port
    claims[0].close()


def said(place: Place, *words: str) -> str:
    """What the command says; it must end well."""
    done = place.run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_server_of_ones_own(place: Place, port: int) -> None:
    place.write("py/shop.py", HANDLER)
    create = ["create", "site", "--pythonhandler", "shop", "--listen", f"127.0.0.1:{port}", "--pythonpath", "py:."]
    told = said(place, *create, "--pythonoption", "greeting good morning", "--pythonoption", "other x")
    conf = place.folder / "site/conf/httpd.conf"
    assert told == f"{conf} is written; `mod_python start site` starts httpd with it.\n"
    done = place.run(*create)
    assert (done.returncode, done.stderr) == (
        1,
        f"mod_python: {place.folder}/site has a configuration already: name another folder\n",
    )
    assert place.run("status", "site").returncode == 3
    said(place, "start", "site")
    try:
        assert get(f"http://127.0.0.1:{port}/") == (200, "good morning")
        assert said(place, "status", "site").startswith("httpd runs as process ")
        assert "it runs already, as process" in place.run("start", str(conf)).stderr
        conf.write_text(conf.read_text().replace("good morning", "good evening"))
        said(place, "restart", "site")
        wait_for_body(f"http://127.0.0.1:{port}/", "good evening")
        text = conf.read_text()
        conf.write_text(text + "Nonsense on\n")
        done = place.run("restart", "site")
        assert done.returncode == 1
        assert "Invalid command 'Nonsense'" in done.stderr
        assert get(f"http://127.0.0.1:{port}/") == (200, "good evening")
        conf.write_text(text)
        said(place, "stop", "site")
    finally:
        conf.write_text(conf.read_text().replace("Nonsense on\n", ""))
        place.run("stop", "site")
    assert place.run("status", "site").stdout == "httpd does not run.\n"
    assert place.run("stop", "site").stderr == "mod_python: it does not run\n"
    assert place.run("restart", "site").stderr == "mod_python: it does not run\n"


def test_a_wrong_configuration_leaves_status_and_stop(place: Place, port: int) -> None:
    place.write("shop.py", HANDLER)
    said(place, "create", "my site", "--pythonhandler", "shop", "--listen", f"127.0.0.1:{port}")
    conf = place.folder / "my site/conf/httpd.conf"
    right = conf.read_text()
    said(place, "start", "my site")
    try:
        runs = said(place, "status", "my site")
        assert runs.startswith("httpd runs as process ")
        conf.write_text(right + "Nonsense on\n")
        assert said(place, "status", "my site") == runs
        assert "Invalid command 'Nonsense'" in place.run("restart", "my site").stderr
        assert "it runs already, as process" in place.run("start", "my site").stderr
        said(place, "stop", "my site")
    finally:
        conf.write_text(right)
        place.run("stop", "my site")
    conf.write_text(right + "Nonsense on\n")
    assert place.run("status", "my site").returncode == 3
    assert "Invalid command 'Nonsense'" in place.run("start", "my site").stderr
    conf.write_text(right.replace("PidFile logs", "PidFile ${LOGS}") + "Nonsense on\n")
    assert "httpd refuses the configuration: " in place.run("status", "my site").stderr


def test_what_a_program_prints_is_the_configuration(place: Place) -> None:
    said(place, "create", "site", "--pythonhandler", "shop")
    conf = place.folder / "site/conf"
    assert said(place, "genconfig", "site/conf/httpd_conf.py") == (conf / "httpd.conf").read_text()
    place.write("broken.py", "raise LookupError('no shop')\n")
    assert place.run("genconfig", "broken.py").stderr == "mod_python: broken.py failed: LookupError: no shop\n"


def test_no_server_is_one_sentence(place: Place) -> None:
    for word in ("start", "stop", "restart", "status"):
        done = place.run(word, "nowhere")
        assert done.returncode == 1
        assert done.stderr == (
            f"mod_python: {place.folder}/nowhere is not there: name a folder of `mod_python create`, or an httpd.conf\n"
        )


def test_versions(place: Place) -> None:
    told = said(place, "version")
    for word in ("mod_python: 4.", "Python: 3.", "httpd: Apache/2.4.", "APR: APR 1.", "platform: "):
        assert word in told
