"""`mod_python serve shop.py`: a handler on a terminal, and what is left behind."""

import contextlib
import fcntl
import http.client
import io
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from command_place import Place, get, wait_for_body
from mod_python._command.terminal import Terminal
from programs import PATIENCE, kill

HANDLER = """
import ctypes
from mod_python import apache

def handler(req):
    if req.uri == "/boom":
        raise KeyError("no kätzchen")
    if req.uri == "/crash":
        ctypes.string_at(0)
    print("asked for", req.uri, "é\\nand more")
    req.content_type = "text/plain"
    req.write("good morning\\n")
    return apache.OK
"""
STARTED = r"Serving shop\.py at (http://localhost:\d+/); Ctrl-C ends it\."


def test_a_handler_on_a_terminal(place: Place) -> None:
    shop = place.write("shop.py", HANDLER)
    program = place.start("serve", "shop.py", "--port", "0")
    url = program.wait_for(STARTED)[1]
    assert get(url + "hello?x=1") == (200, "good morning\n")
    program.wait_for(r"\d\d:\d\d:\d\d \x1b\[32m200\x1b\[0m GET /hello\?x=1 \d+\.\d ms\n")
    assert "asked for /hello é\nand more\n" in program.text
    assert get(url + "boom")[0] == 500
    program.wait_for(r'\n  File "\S+/shop\.py", line 7, in handler\n    raise KeyError\("no kätzchen"\)\n')
    program.wait_for(r"\nKeyError: 'no kätzchen'\n\d\d:\d\d:\d\d \x1b\[31m500\x1b\[0m GET /boom ")
    shop.write_text(HANDLER.replace("morning", "evening"))
    wait_for_body(url, "good evening\n")
    with pytest.raises(http.client.RemoteDisconnected):
        get(url + "crash")
    program.wait_for(r"\n\x1b\[31merror\x1b\[0m: AH0005[12]: child pid \d+ exit signal Segmentation fault \(11\)")
    wait_for_body(url, "good evening\n")
    program.type(b"\x03")
    assert program.end() == 0
    place.expect_nothing_left()
    assert "Traceback" not in program.text.rpartition("KeyError")[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_after_a_signal(place: Place, number: signal.Signals) -> None:
    place.write("shop.py", HANDLER)
    program = place.start("serve", "shop.py", "--port", "0")
    url = program.wait_for(STARTED)[1]
    assert get(url) == (200, "good morning\n")
    kill(program.process.pid, number)
    assert program.end() == (-9 if number == signal.SIGKILL else 0)
    place.expect_nothing_left()
    if number != signal.SIGKILL:  # what was answered is shown
        assert re.search(r"\n\d\d:\d\d:\d\d \S+ GET / ", program.text)


def test_a_ctrl_c_while_modules_are_imported_says_nothing(place: Place) -> None:
    place.write("early/argparse.py", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nos.pause()\n")
    done = place.run("serve", "shop.py", env={"PYTHONPATH": f"{place.folder}/early:{place.env['PYTHONPATH']}"})
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


WAITING = """
import os, signal, time
from mod_python._command.ending import stop_on_signals, uninterrupted
stop_on_signals()
try:
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        {}
        print("shown", flush=True)
    print("not ended")
except KeyboardInterrupt:
    print("ended")
"""


@pytest.mark.parametrize(("line", "printed"), [("pass", "shown\nended\n"), ("time.sleep(60)", "ended\n")])
def test_a_signal_waits_for_what_is_being_shown_but_not_long(place: Place, line: str, printed: str) -> None:
    code = WAITING.format(line)
    done = subprocess.run([sys.executable, "-c", code], env=place.env, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == (printed, "")


def test_an_end_of_httpd_is_a_sentence(place: Place) -> None:
    place.write("shop.py", HANDLER)
    program = place.start("serve", "shop.py", "--port", "0")
    program.wait_for(STARTED)
    for parent in place.parents():
        kill(parent, signal.SIGKILL)
    assert program.end() == 1
    assert program.text.endswith("mod_python: httpd ended by itself: it ended by the signal SIGKILL\n")


@pytest.mark.parametrize("milliseconds", range(40, 200, 20))
def test_nothing_is_left_of_a_start_that_is_killed(place: Place, milliseconds: int) -> None:
    place.write("shop.py", HANDLER)
    program = place.start("serve", "shop.py", "--port", "0", "--tls")
    time.sleep(milliseconds / 1000)
    kill(program.process.pid, signal.SIGKILL)
    program.end()
    place.expect_nothing_left()


def test_nothing_is_left_after_the_end_of_what_started_it(place: Place) -> None:
    place.write("shop.py", HANDLER)
    # `exit` keeps the shell from becoming the command itself; setsid keeps the terminal's SIGHUP from it.
    shell = ("sh", "-c", 'setsid "$@"; exit 3', "sh")
    program = place.start("serve", "shop.py", "--port", "0", before=shell)
    url = program.wait_for(STARTED)[1]
    assert get(url) == (200, "good morning\n")
    kill(program.process.pid, signal.SIGKILL)
    program.end()
    place.expect_nothing_left()


def test_it_ends_while_a_handler_works(place: Place) -> None:
    place.write("shop.py", "import time\n\ndef handler(req):\n    print('at work')\n    time.sleep(600)\n")
    program = place.start("serve", "shop.py", "--port", "0")
    port = int(re.findall(r"\d+", program.wait_for(STARTED)[1])[0])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        program.wait_for("at work")
        begin = time.monotonic()
        program.type(b"\x03")
        assert program.end() == 0
        assert time.monotonic() - begin < 60
    place.expect_nothing_left()


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_refused(place: Place, variable: dict[str, str]) -> None:
    place.write("shop.py", HANDLER)
    program = place.start("serve", "shop.py", "--port", "0", env=variable)
    get(program.wait_for(STARTED)[1])
    program.wait_for(r"\n\d\d:\d\d:\d\d 200 GET / \d+\.\d ms\n")
    program.type(b"\x03")
    assert program.end() == 0
    assert "\x1b" not in program.text


def test_a_terminal_of_few_characters_shows_escapes(place: Place) -> None:
    place.write(
        "shop.py",
        "import os\n\ndef handler(req):\n    os.write(2, b'request: odd\\n')\n    print('\\u2603')\n    return 0\n",
    )
    program = place.start("serve", "shop.py", "--port", "0", env={"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"})
    assert get(program.wait_for(STARTED)[1])[0] == 200
    program.wait_for(r"\nrequest: odd\n\\u2603\n\d\d:\d\d:\d\d 200 GET / ")
    program.type(b"\x03")
    assert program.end() == 0


def test_no_client_writes_control_characters_to_the_terminal(place: Place) -> None:
    place.write("shop.py", "def handler(req):\n    print(req.headers_in['X-Text'])\n    req.write('.')\n    return 0\n")
    program = place.start("serve", "shop.py", "--port", "0", env={"NO_COLOR": "1"})
    port = int(re.findall(r"\d+", program.wait_for(STARTED)[1])[0])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        path = b"/%1b[2J\xc2\x9b2J%E2%80%AE%0Ah%C3%A9"
        client.sendall(b"GET " + path + b" HTTP/1.0\r\nX-Text: a\tb\xc2\x9b1mc\xc3\xa4\xe2\x80\xa8\r\n\r\n")
        while client.recv(1000):
            pass
    program.wait_for(r"200 GET /\\x1b\[2J\\x9b2J\\u202e\\nhé \d")
    assert r"a" + "\t" + r"b\x9b1mcä\u2028" in program.text
    assert "\x1b" not in program.text
    assert "\x9b" not in program.text


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "shop.py",
            None,
            "shop.py is not there: name a file with Python code, one of configuration (.conf), or module:callable",
        ),
        ("shop.py", "def handler(req)\n", "{folder}/shop.py, line 1: expected ':'"),
        (
            "shop.py",
            "x = 1\n",
            "shop.py has nothing to serve: no handler(req), outputfilter(filter), inputfilter(filter) or "
            "connectionhandler(conn), and no application of WSGI or ASGI (application, app)",
        ),
        (
            "shop.py",
            "def outputfilter(filter): pass\n",
            "shop.py is a filter: say what it filters, with --over FOLDER or --over URL",
        ),
        (
            "shop.py",
            "async def connectionhandler(conn): pass\n",
            "shop.py is a connection handler: say on which port, with --tcp PORT",
        ),
        ("shop.txt", "x", "shop.txt is neither Python code (.py) nor configuration (.conf)"),
    ],
)
def test_what_is_wrong_is_one_sentence(place: Place, name: str, text: str | None, sentence: str) -> None:
    if text is not None:
        place.write(name, text)
    done = place.run("serve", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"mod_python: {sentence.format(folder=place.folder)}\n"


def test_a_module_that_raises_is_a_traceback_and_a_sentence(place: Place) -> None:
    place.write("shop.py", "def handler(req): pass\n\nraise LookupError('no shop')\n")
    done = place.run("serve", "shop.py", "--port", "0")
    assert done.returncode == 1
    assert done.stderr == "mod_python: shop.py could not be imported, as the traceback above says\n"
    assert done.stdout.endswith("    raise LookupError('no shop')\nLookupError: no shop\n")
    assert "Serving" not in done.stdout


def test_a_port_in_use_is_one_sentence(place: Place) -> None:
    place.write("shop.py", HANDLER)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = place.run("serve", "shop.py", "--port", str(port))
    assert done.stderr == f"mod_python: port {port} cannot be used (address already in use): give another one\n"
    assert done.returncode == 1
    assert place.run("serve", "shop.py", "--port", "65536").stderr == (
        "mod_python: there is no port 65536: give one between 1 and 65535\n"
    )
    for host in ("nowhere.invalid", "192.0.2.1", "", "a..b"):
        done = place.run("serve", "shop.py", "--port", "0", "--host", host)
        text = f"mod_python: --host {host} is no address of this machine: give one, or 0.0.0.0 for all of them\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", text)


def test_tracebacks_that_code_prints_are_as_they_are() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream)
    lines = ["[x] Exception on /", "Traceback (most recent call last):", '  File "x"', "    y()", "KeyError: 1", "next"]
    for line in lines:
        terminal.show(f"[python:error] [client 127.0.0.1:1] {line}")
    assert stream.getvalue().splitlines() == ["error: [x] Exception on /", *lines[1:-1], "error: next"]


def test_streams_that_nobody_reads(place: Place) -> None:
    place.write("shop.py", HANDLER)
    command = f"{sys.executable} -m mod_python serve shop.py --check"
    (place.folder / "gone").mkdir()
    for line, sentence in {
        f"{command} >/dev/full": "No space left on device",
        f"{command} <&- >&-": "",
        f"cd gone && rmdir ../gone && {command}": "the current folder is no longer there: go to another one",
    }.items():
        done = subprocess.run(["sh", "-c", line], cwd=place.folder, env=place.env, capture_output=True, text=True)
        assert done.stderr == (f"mod_python: {sentence}\n" if sentence else "")
        assert done.returncode == (1 if sentence else 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_though_nobody_reads_what_it_shows(place: Place, number: signal.Signals) -> None:
    place.write("shop.py", "def handler(req):\n    for i in range(3000):\n        print(i, 'y' * 100)\n    return 0\n")
    command = [sys.executable, "-m", "mod_python", "serve", "shop.py", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=place.folder, env=place.env, text=True) as program:
        assert program.stdout is not None
        try:
            fcntl.fcntl(program.stdout, fcntl.F_SETPIPE_SZ, 4096)
            match = re.match(STARTED, program.stdout.readline())
            assert match is not None
            with contextlib.suppress(TimeoutError):  # the handler may wait for a reader, too
                urllib.request.urlopen(match[1], timeout=1).close()
            program.send_signal(number)
            assert program.wait(timeout=PATIENCE) == 0
        finally:
            program.kill()
    place.expect_nothing_left()


def test_a_failing_openssl_is_one_sentence(place: Place) -> None:
    place.write("shop.py", HANDLER)
    place.write("bin/openssl", "#!/bin/sh\necho 'no such curve' >&2; exit 1\n").chmod(0o755)
    done = place.run("serve", "shop.py", "--tls", "--check", env={"PATH": f"{place.folder}/bin:{place.env['PATH']}"})
    assert done.stderr == "mod_python: openssl, which makes the certificate, failed: no such curve\n"


def test_no_httpd_is_one_sentence(place: Place) -> None:
    place.write("shop.py", HANDLER)
    done = place.run("serve", "shop.py", "--port", "0", env={"MOD_PYTHON_SO": "/nowhere/mod_python.so"})
    assert done.returncode == 1
    assert "Cannot load /nowhere/mod_python.so" in done.stdout
    assert done.stderr == "mod_python: httpd did not start, as it says above\n"
