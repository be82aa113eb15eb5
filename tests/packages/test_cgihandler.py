"""mod_python.cgihandler: scripts of CGI (RFC 3875), each in a process of its own."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from httpd import Httpd, Response

MPMS = ("event", "worker", "prefork")
CONF = """
PythonPath "sys.path + ['${STATE}/lib']"
Alias "/cgi" "${HANDLERS}"
Alias "/small" "${HANDLERS}"
<Location "/small">
    PythonInputSpool 1000
</Location>
<Directory "${HANDLERS}">
    Require all granted
    SetHandler mod_python
    PythonHandler mod_python.cgihandler
</Directory>
<Location "/front">
    ProxyPass http://127.0.0.1:${PORT} disablereuse=on
</Location>
SetEnv FROM_CONFIGURATION yes
Listen 127.0.0.1:${HASTY_PORT}
<VirtualHost *:${HASTY_PORT}>
    Timeout 1
    Alias "/cgi" "${HANDLERS}"
</VirtualHost>
"""
ENV = {"FROM_HTTPD": "secret"}
SCRIPT = "/cgi/cgi_programs.py"


def run(httpd: Httpd, query: str, status: int = 200) -> Response:
    answer = httpd.get(f"{SCRIPT}?{query}")
    assert answer.status == status, answer.text
    return answer


def raw(httpd: Httpd, output: str, status: int = 200) -> Response:
    return run(httpd, f"raw={output.encode().hex()}", status)


def post(httpd: Httpd, query: str, body: bytes | Iterator[bytes], path: str = SCRIPT) -> Response:
    answer = httpd.request("POST", f"{path}?{query}", body)
    assert answer.status == 200
    return answer


def pid_of(httpd: Httpd) -> int:
    return int(httpd.wait_for_log(r"cgi_programs.py: pid (\d+)", 30)[1])


def ended(pid: int) -> bool:
    """Whether a process and its children end: they are one group."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_the_environment(httpd: Httpd) -> None:
    answer = httpd.get(f"{SCRIPT}/more/%C3%A9?environ", {"X-Own": "1", "Proxy": "evil", "Authorization": "Basic eDp5"})
    assert answer.headers["Content-Type"] == "application/json"
    told = json.loads(answer.text)
    expected = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "environ",
        "SCRIPT_NAME": SCRIPT,
        "SCRIPT_FILENAME": str(httpd.handlers / "cgi_programs.py"),
        "PATH_INFO": "/more/é",
        "PATH_TRANSLATED": f"{httpd.htdocs}/more/é",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_PORT": str(httpd.port),
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_OWN": "1",
        "HTTP_AUTHORIZATION": "Basic eDp5",
        "FROM_CONFIGURATION": "yes",
        "main": "__main__",
        "folder": str(httpd.handlers),
        "argv": [str(httpd.handlers / "cgi_programs.py")],
    }
    assert {name: told.get(name) for name in expected} == expected
    assert "HTTP_PROXY" not in told
    assert "FROM_HTTPD" not in told
    assert not told.get("CONTENT_LENGTH")


def test_what_a_script_imports(httpd: Httpd) -> None:
    (httpd.state / "lib").mkdir(exist_ok=True)
    (httpd.state / "lib/cgi_neighbour.py").write_text("answer = 'from the library'\n")
    assert run(httpd, "imports").text == "from the library"


def test_what_a_script_imports_of_mod_python(httpd: Httpd) -> None:
    said = run(httpd, "ours").text
    assert said.startswith(
        "a=b mod_python.apache, mod_python.util and what needs a request are not there in a CGI script"
    )


def test_what_is_no_file_is_not_found(httpd: Httpd) -> None:
    for path in ("/cgi/nowhere.py", "/cgi/", "/cgi/nowhere/x", "/cgi/..%2fhttpd.conf"):
        assert httpd.get(path).status == 404


@pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
def test_w138_a_body_goes_in_and_comes_out(httpd: Httpd, size: int) -> None:
    body = os.urandom(size)
    for path in (SCRIPT, f"/front{SCRIPT}"):
        assert post(httpd, "echo", body, path).body == body
        chunks = (body[at : at + 70_001] for at in range(0, size, 70_001))
        assert post(httpd, "echo", chunks, path).body == body


@pytest.mark.parametrize("path", [SCRIPT, f"/front{SCRIPT}"])
def test_a_body_in_chunks_has_a_length(httpd: Httpd, path: str) -> None:
    """Most scripts read as much as CONTENT_LENGTH says."""
    for size in (0, 5, 200_000):
        body = os.urandom(size)
        chunks = (body[at : at + 70_001] for at in range(0, size, 70_001))
        assert post(httpd, "length", chunks, path).text == f"{size} {hashlib.sha256(body).hexdigest()}"


def test_a_body_in_chunks_that_is_too_long(httpd: Httpd) -> None:
    httpd.expect("request's body, which is in chunks .*is longer than 1000 bytes: PythonInputSpool sets another limit")
    assert httpd.request("POST", "/small/cgi_programs.py?length", iter([b"x" * 1001])).status == 413
    assert post(httpd, "length", iter([b"x" * 1000]), "/small/cgi_programs.py").text.startswith("1000 ")


def test_w138_no_deadlock_when_both_sides_are_large(httpd: Httpd) -> None:
    """The script writes all before it reads, and the client sends all before it reads."""
    body = os.urandom(20_000_000)
    answer = post(httpd, "output-first=20", body).body
    assert answer == b"x" * 20_000_000 + hashlib.sha256(body).hexdigest().encode()


def test_w138_a_script_that_reads_nothing(httpd: Httpd) -> None:
    for size in (10, 5_000_000):
        assert post(httpd, "unread", bytes(size)).text == "nothing was read"
        assert len(post(httpd, "closed=3", bytes(size)).body) == 3_000_000


def test_w138_many_at_once(httpd: Httpd) -> None:
    def one(number: int) -> bool:
        body = str(number).encode() * 10000
        return post(httpd, "echo", body).body == body

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(40)))
    pids = [run(httpd, "pid").text.split() for _ in range(3)]
    assert len({own for own, _ in pids}) == 3
    assert {int(parent) for _, parent in pids} <= set(httpd.children())


def test_memory_does_not_grow_with_a_body(httpd: Httpd) -> None:
    post(httpd, "echo", os.urandom(100_000))
    before = max(httpd.memory(pid).now for pid in httpd.children())
    block = os.urandom(1_000_000)
    assert len(post(httpd, "echo", (block for _ in range(60))).body) == 60_000_000
    assert max(httpd.memory(pid).peak for pid in httpd.children()) < before + 20_000


def test_output_comes_as_it_is_made(httpd: Httpd) -> None:
    flag = httpd.state / "go-on"
    flag.unlink(missing_ok=True)
    with httpd.connect() as connection:
        request = f"GET {SCRIPT}?steps={flag} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        seen = b""
        while b"one" not in seen:
            seen += connection.recv(65536)
        flag.touch()
        while part := connection.recv(65536):
            seen += part
    assert b"two" in seen


def test_headers(httpd: Httpd) -> None:
    answer = raw(
        httpd, "Status: 404 No Such Thing\r\nContent-Type: text/x-own\r\nX-A: 1\r\nX-A: 2\r\n\r\nbody\n\n\r\n", 404
    )
    assert answer.headers["Content-Type"] == "text/x-own"
    assert answer.headers.get_all("X-A") == ["1", "2"]
    assert answer.text == "body\n\n\r\n"
    answer = raw(httpd, "Content-Type: text/plain\nTransfer-Encoding: chunked\nConnection: upgrade\n\n\nbody")
    assert answer.text == "\nbody"
    answer = raw(httpd, "Location: http://other.example/\n\n", 302)
    assert answer.headers["Location"] == "http://other.example/"
    answer = raw(httpd, "HTTP/1.1 410 Gone for good\r\nContent-Type: text/plain\r\n\r\nnph", 410)
    assert answer.text == "nph"
    answer = raw(httpd, "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody")
    assert answer.headers["Content-Length"] == "4"


def test_a_location_on_this_server(httpd: Httpd) -> None:
    httpd.write("page.txt", "the page")
    answer = raw(httpd, "Location: /page.txt\n\nnot this")
    assert (answer.text, answer.headers["Location"]) == ("the page", None)
    answer = raw(httpd, "Status: 303 See Other\nLocation: /page.txt\n\n", 303)
    assert answer.headers["Location"] == "/page.txt"
    answer = httpd.request("POST", f"{SCRIPT}?raw={b'Location: /page.txt'.hex()}0a0a", b"x")
    assert (answer.status, answer.headers["Location"]) == (302, "/page.txt")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("", "wrote nothing"),
        ("Content-Type: text/plain\n", "ended within its headers"),
        ("no header\n\n", "'no header' is no header"),
        ("\nbody", "begins with an empty line"),
        (": x\n\n", "is no header"),
        ("X-A: a\x01b\n\n", "the header X-A has the control character"),
        ("Status: many\n\n", "'many' is no status line"),
    ],
)
def test_output_that_is_no_response(httpd: Httpd, output: str, why: str) -> None:
    httpd.expect(f"mod_python: .*cgi_programs.py.*{why}")
    raw(httpd, output, 500)


def test_headers_without_an_end(httpd: Httpd) -> None:
    httpd.handler("cgi_long.py", "import sys\nwhile True: sys.stdout.write('X-A: 1\\n' * 1000)\n")
    httpd.expect("there is no empty line in the first 65536 bytes")
    httpd.allow("BrokenPipeError|Traceback|File|sys.stdout|cgi_long.py: ")
    assert httpd.get("/cgi/cgi_long.py").status == 500


def test_standard_error_goes_to_the_log(httpd: Httpd) -> None:
    httpd.expect("cgi_programs.py: first$", "cgi_programs.py: second$", "cgi_programs.py: x{4096}$")
    httpd.expect("cgi_programs.py: x{1808}$", "cgi_programs.py: last ")
    assert run(httpd, "errors").text == "fine"


def test_much_standard_error_holds_nothing_up(httpd: Httpd) -> None:
    httpd.allow("e{99}$")
    assert run(httpd, "many-errors").text == "fine"
    written = httpd.log().count("e" * 99)
    assert written == 2000


def test_the_exit_status_goes_to_the_log(httpd: Httpd) -> None:
    assert run(httpd, "exit=0").text == "written\n"
    httpd.expect("cgi_programs.py ended with status 3")
    assert run(httpd, "exit=3").text == "written\n"
    httpd.expect("cgi_programs.py: KeyError: 'a script that fails'", "ended with status 1", "wrote nothing")
    httpd.allow("cgi_programs.py: ")
    run(httpd, "raise", 500)


def test_a_script_that_is_killed_cuts_its_response(httpd: Httpd) -> None:
    httpd.expect("ended by signal 9", "RuntimeError: .* was ended by signal 9, and its output may not be whole")
    answer = httpd.raw(f"GET {SCRIPT}?killed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert b"a part" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_a_script_that_hangs(httpd: Httpd) -> None:
    httpd.allow("cgi_programs.py: pid")
    httpd.expect(r"cgi_programs.py has done nothing for 1 s \(Timeout\)")
    answer = httpd.request("GET", f"{SCRIPT}?hang", port=httpd.port_of("HASTY_PORT"))
    assert answer.status == 504
    assert ended(pid_of(httpd))


def test_a_script_that_hangs_later(httpd: Httpd) -> None:
    httpd.allow("cgi_programs.py: pid")
    httpd.expect(r"RuntimeError: .*cgi_programs.py has done nothing for 1 s \(Timeout\)")
    request = f"GET {SCRIPT}?hang=later HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = httpd.raw(request.encode(), port=httpd.port_of("HASTY_PORT"))
    assert b"a part" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert ended(pid_of(httpd))


def test_a_script_that_does_not_hear_is_killed(httpd: Httpd) -> None:
    httpd.allow("cgi_programs.py: pid")
    httpd.expect("has done nothing for 1 s")
    assert httpd.request("GET", f"{SCRIPT}?deaf", port=httpd.port_of("HASTY_PORT")).status == 504
    assert ended(pid_of(httpd))


def test_a_script_that_runs_on_behind_its_output(httpd: Httpd) -> None:
    httpd.allow("cgi_programs.py: pid")
    httpd.expect("ended by signal 15")
    with httpd.connect(timeout=30) as connection:
        connection.sendall(f"GET {SCRIPT}?closes-output HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert ended(pid_of(httpd))


@pytest.mark.parametrize("query", ["endless", "hang"])
def test_a_client_that_leaves(httpd: Httpd, query: str) -> None:
    httpd.allow("cgi_programs.py: |BrokenPipe|Broken pipe|Connection reset|ended by signal|has done nothing")
    port = httpd.port_of("HASTY_PORT")  # a script that writes nothing is ended by Timeout
    with httpd.connect(port) as connection:
        connection.sendall(f"GET {SCRIPT}?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        pid = pid_of(httpd)
    assert ended(pid)


def test_a_client_that_leaves_within_its_body(httpd: Httpd) -> None:
    httpd.allow("cgi_programs.py: |Connection reset|ended by signal|request body|BrokenPipe|AH")
    with httpd.connect() as connection:
        head = f"POST {SCRIPT}?echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 1000)
        deadline = time.monotonic() + 20
        while not (running := scripts(httpd)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert running
    for pid in running:
        assert ended(pid)


def scripts(httpd: Httpd) -> list[int]:
    """The scripts that run now."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, parent = (
                (folder / "cmdline").read_bytes(),
                (folder / "stat").read_text().rpartition(")")[2].split()[1],
            )
        except OSError:
            continue
        if f"{httpd.handlers}/cgi_programs.py".encode() in command and int(parent) in httpd.children():
            found.append(int(folder.name))
    return found


def test_nothing_is_left(httpd: Httpd) -> None:
    def fine(number: int) -> None:
        run(httpd, "pid")

    def wrong(number: int) -> None:
        raw(httpd, "no header\n\n", 500)

    httpd.allow("is no header")
    threads = [threading.Thread(target=target, args=(0,)) for target in (fine, wrong) * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(httpd, "pid")
    assert scripts(httpd) == []


def test_head(httpd: Httpd) -> None:
    answer = httpd.request("HEAD", f"{SCRIPT}?exit=0")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"", "text/plain")
