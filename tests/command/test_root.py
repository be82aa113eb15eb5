"""`mod_python create`, `start`, `stop`, `restart`, `status`, `genconfig` and `version`."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from command_place import Place, get, wait_for_body
from mod_python import _places
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


@pytest.mark.parametrize(
    "listen", ["foo", "0", "65536", "::1", "a:b:1", "nowhere.invalid:80", "", "8888 https", "[::1]", "127.0.0.1:"]
)
def test_where_nobody_can_listen_is_refused_at_once(place: Place, listen: str) -> None:
    done = place.run("create", "site", "--pythonhandler", "shop", f"--listen={listen}")
    wanted = "write a port, as 8888, or an address and a port, as 127.0.0.1:8888 or [::1]:8888"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"mod_python: --listen {listen}: {wanted}\n")
    assert not (place.folder / "site").exists()


@pytest.mark.parametrize("listen", ["8888", "*:8888", "localhost:8888", "[::1]:8888"])
def test_where_one_can_listen(place: Place, listen: str) -> None:
    said(place, "create", "site", "--pythonhandler", "shop", "--listen", listen)
    assert f"\nListen {listen}\n" in (place.folder / "site/conf/httpd.conf").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["site", "--pythonhandler", "a b"], "PythonHandler: 'a b' does not name a handler: "),
        (["site", "--pythonhandler", "shop", "--pythonoption", ""], "PythonOption: takes a key and a value: "),
        (["site", "--pythonhandler", "door.py"], "there is no file {folder}/door.py: name a handler as module, "),
        (["shop.py", "--pythonhandler", "shop"], "{folder}/shop.py is a file: name a folder\n"),
        (["a${b}", "--pythonhandler", "shop"], "'{folder}/a${{b}}' cannot stand in httpd.conf: name another folder\n"),
        (["a\nb", "--pythonhandler", "shop"], r"'{folder}/a\nb' cannot stand in httpd.conf: name another folder"),
    ],
)
def test_what_httpd_would_refuse_is_refused_at_once(place: Place, words: list[str], sentence: str) -> None:
    place.write("shop.py", HANDLER)
    done = place.run("create", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence.format(folder=place.folder) in done.stderr
    if words[0] == "site":
        said(place, "create", "site", "--pythonhandler", "shop.py")  # the folder is not in use


def test_a_handler_by_its_file_in_a_folder_with_an_odd_name(place: Place, port: int) -> None:
    place.write("shop.py", HANDLER)
    name = "it's my $site"
    words = ["--listen", str(port), "--pythonoption", "greeting hello"]
    told = said(place, "create", name, "--pythonhandler", "shop.py::handler", *words)
    assert told.endswith("""; `mod_python start 'it'"'"'s my $site'` starts httpd with it.\n""")
    assert said(place, "start", name).startswith("httpd runs as process ")
    try:
        assert get(f"http://127.0.0.1:{port}/") == (200, "hello")
        assert "it runs already" in place.run("start", f"{name}/conf").stderr
    finally:
        said(place, "stop", name)


def test_a_module_that_is_not_there_is_told(place: Place) -> None:
    place.write("shop.py", HANDLER)
    text = "\nThere is no module shop among the packages of Python: --pythonpath DIR names the folder that has it.\n"
    assert text in said(place, "create", "one", "--pythonhandler", "shop")
    text = f"\nThere is no module shop in {place.folder}/lib yet.\n"
    assert text in said(place, "create", "two", "--pythonhandler", "shop::page", "--pythonpath", "lib")
    assert "There is no" not in said(place, "create", "three", "--pythonhandler", "shop", "--pythonpath", ".")
    assert "There is no" not in said(place, "create", "four", "--pythonhandler", "mod_python.publisher")


def test_python_code_is_for_serve(place: Place) -> None:
    place.write("my shop.py", HANDLER)
    done = place.run("start", "my shop.py")
    assert done.stderr == "mod_python: my shop.py is Python code: `mod_python serve 'my shop.py'` serves it\n"


def test_an_httpd_that_has_ended_does_not_run(place: Place) -> None:
    """Also as long as nobody has waited for its end."""
    said(place, "create", "site", "--pythonhandler", "shop")
    program = place.folder / _places.httpd().name  # a process of this name
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as process:
        try:
            place.write("site/logs/httpd.pid", f"{process.pid}\n")
            assert said(place, "status", "site") == f"httpd runs as process {process.pid}.\n"
        finally:
            process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert place.run("status", "site").returncode == 3
