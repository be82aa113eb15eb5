"""Two interpreters with modules of one name under load: never mixed, memory flat, no child dies.

By hand: target/venv/bin/python tests/bench/interpreters.py --requests 100000
"""

import argparse
import contextlib
import re
import socket
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

import load  # noqa: E402
from load import Outcome  # noqa: E402

from httpd import Httpd  # noqa: E402

HOST = """
Listen 127.0.0.1:${@_PORT}
Listen 127.0.0.1:${@_LINE_PORT}
<VirtualHost *:${@_PORT}>
    PythonInterpreter @
    PythonPath "['${HANDLERS}/@'] + sys.path"
    SetHandler mod_python
    PythonHandler namesake
    PythonTypeHandler namesake
    PythonOutputFilter namesake @_OUT
    PythonInputFilter namesake @_IN
    <Location /filtered>
        SetOutputFilter @_OUT
        SetInputFilter @_IN
    </Location>
    <Location /busy>
        PythonHandler namesake::busy
    </Location>
    <Location /extensions>
        PythonHandler namesake::extensions
    </Location>
    <Location /threads>
        PythonHandler namesake::threads
    </Location>
    <Location /environment>
        PythonHandler namesake::environment
    </Location>
</VirtualHost>
<VirtualHost *:${@_LINE_PORT}>
    PythonInterpreter @
    PythonPath "['${HANDLERS}/@'] + sys.path"
    PythonConnectionHandler namesake
</VirtualHost>
"""
# One child, so that its memory and its counters tell of all requests.
CONF = HOST.replace("@", "a") + HOST.replace("@", "b") + "ServerLimit 1\nMaxRequestWorkers 16\nKeepAliveTimeout 60\n"
CONF += "MaxKeepAliveRequests 0\n"

# Two threads for the lines of each client, one for its requests: with fewer free the MPM ends kept-alive connections.
CLIENTS = 4
WARM = 0.2


def prepare(httpd: Httpd) -> None:
    """Give each interpreter its module."""
    source = (TESTS / "support/handlers/namesake.py").read_text()
    for name in "ab":
        httpd.handler(f"{name}/namesake.py", source.replace('NAME = "?"', f'NAME = "{name}"'))


class Client:
    """One connection for each host: requests with and without filters, and lines."""

    def __init__(self, httpd: Httpd, outcome: Outcome) -> None:
        self.httpd = httpd
        self.outcome = outcome
        self.http = {name: httpd.connect(httpd.port_of(f"{name}_PORT")) for name in "ab"}
        self.lines = {name: httpd.connect(httpd.port_of(f"{name}_LINE_PORT")) for name in "ab"}

    def ask(self, number: int) -> None:
        """One request, and what must come back."""
        name, kind = "ab"[number // 4 % 2], number % 4
        if kind == 3:
            self.lines[name].sendall(b"line %d\n" % number)
            answer = receive(self.lines[name], b"\n")
            self.check(answer, b"%b %b line %d\n" % (2 * (name.encode(),) + (number,)))
            return
        if kind == 2:
            request = b"POST /filtered HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n-?-"
            pattern = r"@ @ @ (\d+) text/x-@ -@-\nout @\n\Z"
        else:
            request = b"GET /plain HTTP/1.1\r\nHost: x\r\n\r\n"
            pattern = r"@ @ @ (\d+) text/x-@ \n\Z"
        answer = self.exchange(name, request)
        match = re.search(pattern.replace("@", name).encode(), answer)
        if match is None or b"\r\nContent-Type: text/x-" + name.encode() not in answer:
            self.outcome.wrong.append(answer)
            return
        self.outcome.answered[name] += 1
        self.outcome.highest[name] = max(self.outcome.highest[name], int(match[1]))

    def exchange(self, name: str, request: bytes) -> bytes:
        """The response; on a new connection if the kept one was closed, as the event MPM does when threads are short.

        A request that was run twice shows in Python's counters.
        """
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                self.http[name].sendall(request)
                if answer := receive_response(self.http[name]):
                    return answer
            self.outcome.reconnected += 1
            self.http[name].close()
            self.http[name] = self.httpd.connect(self.httpd.port_of(f"{name}_PORT"))
        return b""

    def check(self, answer: bytes, expected: bytes) -> None:
        """Note an answer that is wrong."""
        if answer != expected:
            self.outcome.wrong.append(answer)

    def close(self) -> None:
        """Leave."""
        for connection in (*self.http.values(), *self.lines.values()):
            connection.close()


def receive(connection: socket.socket, end: bytes) -> bytes:
    """What comes until `end`."""
    data = b""
    while not data.endswith(end) and (chunk := connection.recv(65536)):
        data += chunk
    return data


def receive_response(connection: socket.socket) -> bytes:
    """One response with a known length or in chunks."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
        head, separator, body = data.partition(b"\r\n\r\n")
        if separator:
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            if length is None or len(body) >= int(length[1]):
                break
    return data


def run(httpd: Httpd, requests: int, clients: int = CLIENTS) -> Outcome:
    """Ask so many times, from several threads at once."""
    return load.run(httpd, requests, clients, lambda outcome: Client(httpd, outcome), warm=WARM)


def main() -> None:
    """Run it by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--mpm", default="event")
    arguments = parser.parse_args()
    with Httpd(CONF, mpm=arguments.mpm) as httpd:
        prepare(httpd)
        outcome = run(httpd, arguments.requests)
        print(f"{arguments.requests} in {outcome.seconds:.1f} s; the child grew by {outcome.grown} KiB")
        print(f"answered {dict(outcome.answered)}, counted by Python {dict(outcome.highest)}")
        print(f"connected anew: {outcome.reconnected}")
        print(f"wrong: {len(outcome.wrong)} {outcome.wrong[:3]}")
        sys.exit(bool(outcome.wrong) or outcome.answered != outcome.highest)


if __name__ == "__main__":
    main()
