"""Eight interpreters under load, of virtual hosts or of directories: modules of one name and versions never mix.

By hand: target/venv/bin/python tests/bench/isolation.py --requests 100000
"""

import argparse
import re
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

import load  # noqa: E402
from load import Outcome  # noqa: E402

from httpd import Httpd  # noqa: E402

PLACES = range(8)
HOST = """
<VirtualHost *:${HOSTS_PORT}>
    ServerName site@.example
    PythonPath "['${HANDLERS}/site@', '${HANDLERS}/version@'] + sys.path"
    SetHandler mod_python
    PythonHandler tenant
    PythonFixupHandler tenant::fixup
    PythonOutputFilter tenant TENANT
    SetOutputFilter TENANT
</VirtualHost>
"""
DIRECTORY = """
<Directory ${HTDOCS}/site@>
    PythonPath "['${HANDLERS}/site@', '${HANDLERS}/version@'] + sys.path"
</Directory>
"""
# One child, so that its memory and its counters tell of all requests.
CONF = (
    """
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
KeepAliveTimeout 60
MaxKeepAliveRequests 0
Listen 127.0.0.1:${HOSTS_PORT}
"""
    + "".join(HOST.replace("@", str(number)) for number in PLACES)
    + """
Listen 127.0.0.1:${DIRECTORIES_PORT}
<VirtualHost *:${DIRECTORIES_PORT}>
    DocumentRoot ${HTDOCS}
    PythonInterpPerDirectory On
    SetHandler mod_python
    PythonHandler tenant
    PythonFixupHandler tenant::fixup
    PythonOutputFilter tenant DIRECTORY
    SetOutputFilter DIRECTORY
</VirtualHost>
"""
    + "".join(DIRECTORY.replace("@", str(number)) for number in PLACES)
)
TENANT = """
import itertools
import sys

import versioned
from versioned import inner

from mod_python import apache

SITE = "site@"
count = itertools.count(1)
names = [path.rpartition("/")[2] for path in sys.path]
paths = [name for name in names if name.startswith(("site", "version")) and name[-1].isdigit()]


def fixup(req):
    req.site = SITE
    return apache.OK


def handler(req):
    words = [SITE, req.site, versioned.__version__, inner.VERSION, *paths, apache.interpreter, req.interpreter]
    req.write(" ".join([*words, str(next(count))]))
    return apache.OK


def outputfilter(filter):
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write(f" {SITE} {versioned.__version__}\\n")
        filter.close()
"""


def prepare(httpd: Httpd) -> None:
    """Give each place its module, and its version of a package."""
    for number in PLACES:
        httpd.handler(f"site{number}/tenant.py", TENANT.replace("@", str(number)))
        httpd.handler(f"version{number}/versioned/__init__.py", f'__version__ = "{number}.0"\n')
        httpd.handler(f"version{number}/versioned/inner.py", "from versioned import __version__ as VERSION\n")
        httpd.write(f"site{number}/page", "")


class Client:
    """One connection, for requests to all places."""

    def __init__(self, httpd: Httpd, kind: str, outcome: Outcome) -> None:
        self.httpd, self.kind, self.outcome = httpd, kind, outcome
        self.port = httpd.port_of("HOSTS_PORT" if kind == "hosts" else "DIRECTORIES_PORT")
        self.socket = httpd.connect(self.port)

    def ask(self, number: int) -> None:
        """One request, and what must come back."""
        place = number % len(PLACES)
        host = f"site{place}.example" if self.kind == "hosts" else "localhost"
        answer = self.exchange(f"GET /site{place}/page HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        name = host if self.kind == "hosts" else f"{self.httpd.htdocs}/site{place}/"
        words = f"site{place} site{place} {place}.0 {place}.0 site{place} version{place} {name} {name}"
        match = re.fullmatch(rf"{re.escape(words)} (\d+) site{place} {place}\.0\n".encode(), body(answer))
        if match is None or not answer.startswith(b"HTTP/1.1 200 "):
            self.outcome.wrong.append(answer)
            return
        self.outcome.answered[place] += 1
        self.outcome.highest[place] = max(self.outcome.highest[place], int(match[1]))

    def exchange(self, request: bytes) -> bytes:
        """The response, whose last bytes are the last chunk; on a new connection if the kept one was closed."""
        for _ in range(3):
            data = b""
            try:
                self.socket.sendall(request)
                while not data.endswith(b"\r\n0\r\n\r\n") and (chunk := self.socket.recv(65536)):
                    data += chunk
            except ConnectionError:
                pass
            if data:
                return data
            self.close()
            self.socket = self.httpd.connect(self.port)
        return b""

    def close(self) -> None:
        """Leave."""
        self.socket.close()


def body(response: bytes) -> bytes:
    """The body of a response in chunks."""
    found, rest = b"", response.partition(b"\r\n\r\n")[2]
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        found, rest = found + rest[: int(length, 16)], rest[int(length, 16) + 2 :]
    return found


def run(httpd: Httpd, kind: str, requests: int, clients: int = 8) -> Outcome:
    """Ask so many times, of "hosts" or "directories", from several threads at once."""
    return load.run(httpd, requests, clients, lambda outcome: Client(httpd, kind, outcome), warm=0.3)


def main() -> None:
    """Run it by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000, help="of each kind (100000)")
    arguments = parser.parse_args()
    failed = False
    with Httpd(CONF, interpreter=None) as httpd:
        prepare(httpd)
        for kind in ("hosts", "directories"):
            outcome = run(httpd, kind, arguments.requests)
            rate = arguments.requests / outcome.seconds
            print(f"{kind}: {arguments.requests} in {outcome.seconds:.1f} s, {rate:.0f} a second; ", end="")
            print(f"the child grew by {outcome.grown} KiB; wrong: {len(outcome.wrong)} {outcome.wrong[:3]}")
            failed |= bool(outcome.wrong) or outcome.answered != outcome.highest
    sys.exit(failed)


if __name__ == "__main__":
    main()
