"""`mod_python serve` for filters, connection handlers and configuration, and its options."""

import http.server
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_place import Place, get, wait_for_body
from mod_python._command import environment
from programs import PATIENCE, Program, kill
from server import free_ports

SHOUT = "def outputfilter(filter):\n    while chunk := filter.read():\n        filter.write(chunk.upper())\n"
ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


def end(program: Program, place: Place, number: signal.Signals = signal.SIGINT) -> None:
    """End the command by a signal, and see that nothing is left."""
    kill(program.process.pid, number)
    assert program.end() == (-9 if number == signal.SIGKILL else 0)
    place.expect_nothing_left()


def free_port() -> int:
    """A port that nobody has."""
    [port], claims = free_ports(1)
    claims[0].close()
    return port


@pytest.mark.parametrize("number", ENDS)
def test_a_filter_over_a_folder(place: Place, number: signal.Signals) -> None:
    shout = place.write("shout.py", SHOUT)
    place.write("htdocs/a page.html", "<p>Grüße</p>\n")
    program = place.start("serve", "shout.py", "--over", "./htdocs", "--port", "0")
    url = program.wait_for(r"Serving shout\.py over \./htdocs at (\S+);")[1]
    assert get(url + "a%20page.html") == (200, "<P>GRüßE</P>\n")
    program.wait_for(r"\x1b\[32m200\x1b\[0m GET /a page\.html ")
    assert get(url)[0] == 200  # an index
    shout.write_text(SHOUT.replace("upper()", "upper().replace(b'P', b'Q')"))
    wait_for_body(url + "a%20page.html", "<Q>GRüßE</Q>\n")
    end(program, place, number)


class Pages(http.server.BaseHTTPRequestHandler):
    """A site that answers with what it was asked."""

    def do_GET(self) -> None:
        """Answer a GET."""
        body = f"asked for {self.path} of {self.headers['Host']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer a POST with its body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """Another site: its host and port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("number", ENDS)
def test_a_filter_over_a_site(place: Place, site: str, number: signal.Signals) -> None:
    shout = place.write("shout.py", SHOUT)
    program = place.start("serve", "shout.py", "--over", f"http://{site}/docs/", "--port", "0")
    url = program.wait_for(r"Serving shout\.py over \S+ at (\S+);")[1]
    assert get(url + "page?x=1") == (200, f"ASKED FOR /DOCS/PAGE?X=1 OF {site}\n")
    shout.write_text(SHOUT.replace("upper()", "upper().replace(b'ASKED', b'TOLD')"))
    wait_for_body(url + "page", f"TOLD FOR /DOCS/PAGE OF {site}\n")
    end(program, place, number)


def test_a_filter_of_bodies_of_requests(place: Place, site: str) -> None:
    place.write("both.py", SHOUT + "async def inputfilter(filter):\n    yield b'<' + await filter.body(99) + b'>'\n")
    program = place.start("serve", "both.py", "--over", f"HTTP://{site}", "--port", "0")
    url = program.wait_for(r"at (http://\S+/);")[1]
    done = subprocess.run(["curl", "-s", "-d", "hello", url], capture_output=True, text=True, check=True)
    assert done.stdout == "<HELLO>"
    end(program, place)


def test_the_certificate_of_a_site_is_verified(place: Place) -> None:
    place.write("shop.py", "def handler(req):\n    req.write('safe\\n')\n    return 0\n")
    place.write("shout.py", SHOUT)
    behind = place.start("serve", "shop.py", "--tls", "--port", "0")
    url = behind.wait_for(r"at (https://\S+/);")[1]
    program = place.start("serve", "shout.py", "--over", url, "--port", "0")
    status, _ = get(program.wait_for(r"shout\.py over \S+ at (http://\S+/);")[1])
    assert status in (500, 502)
    program.wait_for("certificate verify failed|Certificate Verification: Error|Error during SSL Handshake")
    for one in (program, behind):
        kill(one.process.pid, signal.SIGINT)
        assert one.end() == 0


def talk(port: int, line: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Send a line, and return all that is answered."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        client = context.wrap_socket(plain) if context else plain
        client.sendall(line)
        answer = b""
        while piece := client.recv(1000):
            answer += piece
        client.close()
        return answer


CHAT = """
async def connectionhandler(conn):
    print("somebody came")
    await conn.write(await conn.readline() + b"bye\\n")
"""


@pytest.mark.parametrize("number", ENDS)
def test_a_connection_handler(place: Place, number: signal.Signals) -> None:
    chat, port = place.write("chat.py", CHAT), free_port()
    program = place.start("serve", "chat.py", "--tcp", str(port))
    assert program.wait_for(r"Serving chat\.py at (\S+);")[1] == f"tcp://localhost:{port}"
    assert talk(port, b"hello\n") == b"hello\nbye\n"
    program.wait_for("\nsomebody came\n")
    chat.write_text(CHAT.replace("bye", "ciao"))
    while talk(port, b"hello\n") != b"hello\nciao\n":
        pass
    end(program, place, number)


def test_a_connection_handler_with_tls(place: Place) -> None:
    place.write("chat.py", CHAT)
    port = free_port()
    program = place.start("serve", "chat.py", "--tcp", str(port), "--tls")
    program.wait_for(rf"Serving chat\.py at tls://localhost:{port};")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert talk(port, b"hello\n", context) == b"hello\nbye\n"
    end(program, place)


CONF = """
ErrorLog /nowhere/error.log
ErrorLogFormat "[%t] %M"
<Location "/">
    SetHandler mod_python
    PythonHandler pages
    PythonOption word one
</Location>
Listen 127.0.0.1:${PORT2}
<VirtualHost 127.0.0.1:${PORT2}>
    ErrorLogFormat "[of the host] %M"
    CustomLog logs/access.log "%r"
</VirtualHost>
"""
PAGES = """
def handler(req):
    assert req.uri != "/boom", "no page"
    req.write(req.get_options()['word'])
    return 0
"""


@pytest.mark.parametrize("number", ENDS)
def test_a_fragment_of_configuration(place: Place, number: signal.Signals) -> None:
    conf = place.write("site.conf", CONF)
    pages = place.write("pages.py", PAGES)
    program = place.start("serve", "site.conf", "--port", "0")
    url = program.wait_for(r"Serving site\.conf at (\S+);")[1]
    assert get(url) == (200, "one")
    pages.write_text(PAGES.replace("'])", "'] + '!')"))
    wait_for_body(url, "one!")
    [written] = place.temporary.glob("*/httpd.conf")
    other = re.findall(r"^Define PORT2 (\d+)$", written.read_text(), re.MULTILINE)[0]
    assert [get(f"{one}boom")[0] for one in (url, f"http://127.0.0.1:{other}/")] == [500, 500]
    program.wait_for(r"error\S*: PythonHandler pages .*\nTraceback .*(\n  .*)+\nAssertionError: no page\n")
    program.wait_for(r"\n\[of the host\] PythonHandler pages .*\nTraceback .*(\n  .*)+\nAssertionError: no page\n")
    program.wait_for(r"(?s)GET /boom .*GET /boom ")
    old = place.children()
    conf.write_text(CONF.replace("word one", "word two"))
    program.wait_for(r"site\.conf has changed: httpd restarts gracefully\.")
    wait_for_body(url, "two!")
    place.wait_for_others(old)
    conf.write_text(CONF.replace("PythonOption", "PythonOptions"))
    program.wait_for(r"(?s)site\.conf has changed, and httpd goes on as it was: .*Invalid command 'PythonOptions'")
    assert get(url) == (200, "two!")
    end(program, place, number)


def test_a_request_is_shown_as_its_client_sent_it(place: Place) -> None:
    place.write("page.py", "def handler(req):\n    return 0 if req.prev else 500\n")
    place.write("site.conf", "SetHandler mod_python\nPythonHandler page\nErrorDocument 500 /sorry\n")
    program = place.start("serve", "site.conf", "--port", "0")
    url = program.wait_for(r"Serving site\.conf at (\S+);")[1]
    assert subprocess.run(["curl", "-s", "-d", "x", f"{url}things"], check=True, stdout=subprocess.DEVNULL)
    program.wait_for(r"500\S* POST /things ")
    end(program, place)


def test_files_of_an_environment(place: Place) -> None:
    place.write(
        "shop.py", "import os\nWORD = os.environ['WORD']\n\ndef handler(req):\n    req.write(WORD)\n    return 0\n"
    )
    env = place.write("site.env", "# words\nexport WORD='good morning' # in the morning\n")
    env.chmod(0o600)  # what is secret is for its owner only
    program = place.start("serve", "shop.py", "--port", "0", "--env-file", "site.env")
    url = program.wait_for(r"at (http://\S+/);")[1]
    assert get(url) == (200, "good morning")
    old = place.children()
    env.write_text("WORD=hello\n")
    program.wait_for(r"site\.env has changed: httpd restarts gracefully\.")
    wait_for_body(url, "hello")
    place.wait_for_others(old)
    env.write_text("WORD=good night\n")
    program.wait_for(r"site\.env has changed, and httpd goes on as it was: line 1 of site\.env is not NAME=value")
    assert get(url) == (200, "hello")
    children = place.children()
    for child in children:
        os.kill(child, signal.SIGKILL)  # httpd starts others, which must not read the wrong file
    place.wait_for_others(children)
    wait_for_body(url, "hello")
    end(program, place)
    assert place.run("serve", "shop.py", "--env-file", "site.env", "--port", "0").stderr == (
        "mod_python: line 1 of site.env is not NAME=value, with quotes where the value has blanks\n"
    )


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b#c", "b#c"),
        ("A=http://x/#part", "http://x/#part"),
        ("A=#b", "#b"),
        ("A= # nothing", ""),
        ("A=b #c", "b"),
        ("A='b #c'#d # e", "b #c#d"),
        ('A="b \\" # c"', 'b " # c'),
        ("A=b\\ c", "b c"),
        ("export A = b", "b"),
        ("\ufeffA=b", "b"),
    ],
)
def test_a_line_of_an_environment(tmp_path: Path, line: str, value: str) -> None:
    """As a shell has it; blanks around the = and a byte order mark are taken, too."""
    file = tmp_path / "site.env"
    file.write_text(f"{line}\n")
    assert environment.read(file) == {"A": value}


@pytest.mark.parametrize("data", [b"A=b c\n", b"A='b\n", b"A=b\0\n", b"=b\n", b"A=\xff\n"])
def test_a_wrong_line_of_an_environment_is_one_sentence(place: Place, data: bytes) -> None:
    place.write("shop.py", "def handler(req):\n    return 0\n")
    place.write("site.env", "").write_bytes(data)
    done = place.run("serve", "shop.py", "--env-file", "site.env", "--port", "0")
    assert (done.returncode != 0, done.stderr.count("\n")) == (True, 1)
    assert "site.env" in done.stderr


def test_a_variable_that_is_gone_from_the_file_is_gone(place: Place) -> None:
    text = "import os\nFOUND = {name: os.environ.get(name) for name in ('ONE', 'TWO', 'TERM')}\n"
    place.write("shop.py", f"{text}\ndef handler(req):\n    req.write(repr(FOUND))\n    return 0\n")
    env = place.write("site.env", "ONE=1\nTWO=2\nTERM=other\n")
    program = place.start("serve", "shop.py", "--port", "0", "--env-file", "site.env")
    url = program.wait_for(r"at (http://\S+/);")[1]
    assert get(url) == (200, "{'ONE': '1', 'TWO': '2', 'TERM': 'other'}")
    env.write_text("ONE=3\n")
    program.wait_for(r"site\.env has changed: httpd restarts gracefully\.")
    wait_for_body(url, "{'ONE': '3', 'TWO': None, 'TERM': 'xterm'}")
    end(program, place)


def test_a_path_of_the_environment_is_that_of_the_code(place: Place) -> None:
    place.write("shop.py", "import os\ndef handler(req):\n    req.write(os.environ['PATH'])\n    return 0\n")
    place.write("site.env", "PATH=/opt/shop/bin\n")
    program = place.start("serve", "shop.py", "--port", "0", "--env-file", "site.env")
    assert get(program.wait_for(r"at (http://\S+/);")[1]) == (200, "/opt/shop/bin")
    end(program, place)


def test_a_busy_request_is_no_reason_to_complain(place: Place) -> None:
    place.write("shop.py", "import time\ndef handler(req):\n    time.sleep(2.5)\n    return 0\n")
    program = place.start("serve", "shop.py", "--port", "0")
    assert get(program.wait_for(r"at (http://\S+/);")[1])[0] == 200
    end(program, place)
    assert "error" not in program.text


def test_tls_and_http2(place: Place) -> None:
    place.write("shop.py", "def handler(req):\n    req.write(f'{req.is_https()} {req.protocol}')\n    return 0\n")
    program = place.start("serve", "shop.py", "--port", "0", "--tls", "--http2")
    url = program.wait_for(r"at (https://\S+/);")[1]
    done = subprocess.run(["curl", "-sk", url], capture_output=True, text=True, check=True)
    assert done.stdout == "1 HTTP/2.0"
    end(program, place)


def test_processes_and_threads(place: Place) -> None:
    place.write("shop.py", "import os\ndef handler(req):\n    req.write(str(os.getpid()))\n    return 0\n")
    program = place.start("serve", "shop.py", "--port", "0", "--processes", "2", "--threads", "3")
    url = program.wait_for(r"at (http://\S+/);")[1]
    while get(url) == get(url):
        pass
    end(program, place)
    text = place.run("serve", "shop.py", "--print-config", "--processes", "2", "--threads", "3").stdout
    assert "\nStartServers 2\n" in text
    assert "\nThreadsPerChild 3\nMaxRequestWorkers 6\n" in text
    assert place.run("serve", "shop.py", "--threads", "0").returncode == 2


def test_the_configuration_can_be_printed_and_checked(place: Place) -> None:
    place.write('it\'s "my" shop.py', "def handler(req): pass\n")
    name = 'it\'s "my" shop.py'
    done = place.run("serve", name, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}: the configuration is right\n", "")
    text = place.run("serve", name, "--print-config").stdout
    assert re.search(r'\n    PythonHandler "/\S+/it\'s \\"my\\" shop\.py"\n', text)
    place.write("site.conf", "PythonHandlers x\n")
    done = place.run("serve", "site.conf", "--check")
    assert done.returncode == 1
    assert done.stderr.startswith("mod_python: httpd refuses the configuration: ")
    assert "line 1 of" in done.stderr
    assert "Invalid command 'PythonHandlers'" in done.stderr


def test_what_does_not_fit_is_one_sentence(place: Place) -> None:
    place.write("shop.py", "def handler(req): pass\n")
    place.write("shout.py", SHOUT)
    place.write("site.conf", "")
    for words, sentence in {
        ("shop.py", "--over", "."): "shop.py has neither outputfilter(filter) nor inputfilter(filter): it has handler, "
        "a handler",
        ("shop.py", "--tcp", "7000"): "shop.py has no connectionhandler(conn), which --tcp serves: it has handler, a "
        "handler",
        ("shout.py", "--over", "nowhere"): "--over nowhere: that is neither a folder nor a URL that begins with "
        "http:// or https://",
        ("shout.py", "--over", "http://"): "--over http://: that is no URL of a site, as https://example.org/docs/ is",
        ("site.conf", "--over", "."): "site.conf is configuration, which says by itself what is served: leave --over "
        "and --tcp out",
        (".",): ". is a folder: name a file with Python code, one of configuration (.conf), or module:callable",
    }.items():
        done = place.run("serve", *words, "--port", "0")
        assert (done.returncode, done.stderr) == (1, f"mod_python: {sentence}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_and_an_installed_package(place: Place) -> None:
    place.write(
        "shop.py", "import pwd, os\ndef handler(req):\n    req.write(pwd.getpwuid(os.getuid())[0])\n    return 0\n"
    )
    before, env = place.as_user()
    command = [*before, "/usr/bin/python3", "-m", "mod_python", "serve", "shop.py", "--port", "0"]
    program = Program(command, place.env | env, place.folder)
    place.programs.append(program)
    url = program.wait_for(r"at (http://\S+/);")[1]
    assert get(url) == (200, "www-data")
    end(program, place)
    assert sorted(os.listdir(place.folder)) == ["lib", "shop.py", "tmp"]


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's children are its own")
def test_what_only_root_can_read_is_copied(place: Place) -> None:
    shop = place.write("secret/shop.py", "def handler(req):\n    req.write('one')\n    return 0\n")
    shop.parent.chmod(0o700)
    program = place.start("serve", "secret/shop.py", "--port", "0")
    url = program.wait_for(r"Serving shop\.py at (\S+), from a copy that www-data can read;")[1]
    assert get(url) == (200, "one")
    shop.write_text("def handler(req):\n    req.write('two or more')\n    return 0\n")
    wait_for_body(url, "two or more")
    end(program, place)
