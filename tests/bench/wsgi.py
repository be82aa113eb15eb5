"""What a request costs as a WSGI application: here, in mod_wsgi embedded, and in gunicorn behind mod_proxy_http.

By hand: target/venv/bin/python tests/bench/wsgi.py [--rounds N] [--requests N]; needs ab (Debian: apache2-utils),
libapache2-mod-wsgi-py3, and the packages of tests/requirements.txt.

Shown is CPU time per request in microseconds, user and system, of all processes of a server together: the median of
the rounds, which take turns. All have the MPM event, one child with 16 threads (gunicorn: one worker with 16 threads,
class gthread), the same LogLevel and access log. `more` is what it costs above a handler in C of the same httpd.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts"), str(TESTS.parent / "python")]

from other_servers import listening  # noqa: E402
from packages import SITE_PACKAGES, WithPackages  # noqa: E402

import neighbours  # noqa: E402
import probes  # noqa: E402
from httpd import Httpd  # noqa: E402
from tests.bench.cpu_time import cpu_seconds, need_ab, send  # noqa: E402

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"Hello\\n"]
"""
FLASK = """
from flask import Flask

application = Flask(__name__)


@application.route("/")
def hello():
    return "Hello\\n"
"""
COMMON = """
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
MaxKeepAliveRequests 0
LogLevel error
<Location /bench-hello>
    SetHandler bench-hello
</Location>
"""
HERE = """
PythonApplication /hello wsgi hello_site
PythonApplication /flask wsgi flask_site
"""
MOD_WSGI = f"""
WSGIPythonPath {SITE_PACKAGES}
WSGIApplicationGroup %{{GLOBAL}}
WSGIScriptAlias /hello ${{HANDLERS}}/hello_site.py
WSGIScriptAlias /flask ${{HANDLERS}}/flask_site.py
<Directory "${{HANDLERS}}">
    Require all granted
</Directory>
"""


def tree(root: int) -> Iterator[int]:
    """The process and all below it."""
    yield root
    for task in Path(f"/proc/{root}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from tree(int(child))


def seconds(roots: list[int]) -> float:
    """CPU time of processes and all below them, in seconds."""
    return sum(cpu_seconds(pid) for root in roots for pid in tree(root))


def gunicorn(site: Httpd, module: str) -> AbstractContextManager[tuple[int, int]]:
    """A gunicorn that serves a module; its port and process."""
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "16", "--keep-alive", "60"]
    command += ["--log-level", "error", "--worker-tmp-dir", "/dev/shm", f"{module}:application", "-b"]
    return listening(lambda port: [*command, f"127.0.0.1:{port}"], cwd=site.handlers)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=5000)
    arguments = parser.parse_args()
    need_ab("wsgi")
    common = f"{probes.load('bench')}\n{COMMON}"
    with ExitStack() as stack:
        here = WithPackages(common + HERE)
        theirs = Httpd(common + neighbours.load("wsgi") + MOD_WSGI, with_python=False)
        for site in (here, theirs):
            site.handler("hello_site.py", HELLO)
            site.handler("flask_site.py", FLASK)
        behind = {name: stack.enter_context(gunicorn(here, f"{name}_site")) for name in ("hello", "flask")}
        lines = [f"ProxyPass /{name} http://127.0.0.1:{port}/" for name, (port, _) in behind.items()]
        front = Httpd(common + "\n".join(lines), modules=("proxy", "proxy_http"), with_python=False)
        for site in (here, theirs, front):
            stack.enter_context(site)
        rows: list[tuple[str, Httpd, list[int]]] = [("here", here, []), ("mod_wsgi", theirs, [])]
        costs: dict[tuple[str, str], list[float]] = {}
        for _ in range(arguments.rounds):
            for page in ("bench-hello", "hello", "flask"):
                workers = [behind[page][1]] if page in behind else []
                for name, site, others in [*rows, ("gunicorn", front, workers)]:
                    path = f"/{page}" if page == "bench-hello" else f"/{page}/"
                    send(site.url(path), 200)
                    roots = [site.parent_pid, *others]
                    before = seconds(roots)
                    send(site.url(path), arguments.requests)
                    cost = (seconds(roots) - before) / arguments.requests * 1e6
                    costs.setdefault((name, page), []).append(cost)
        show({key: statistics.median(values) for key, values in costs.items()})


def show(found: dict[tuple[str, str], float]) -> None:
    """Print what each costs, and what that is above the handler in C."""
    print(f"{'':10} {'C':>7} {'hello':>7} {'more':>7} {'Flask':>7} {'more':>7}   on {os.cpu_count()} cores")
    for name in ("here", "mod_wsgi", "gunicorn"):
        native, hello, flask = (found[name, page] for page in ("bench-hello", "hello", "flask"))
        print(f"{name:10} {native:7.1f} {hello:7.1f} {hello - native:7.1f} {flask:7.1f} {flask - native:7.1f}")
    more = {name: found[name, "hello"] - found[name, "bench-hello"] for name in ("here", "mod_wsgi")}
    print(f"hello, above C: {more['here'] / more['mod_wsgi']:.2f} of mod_wsgi's")
    print(f"hello, in whole: {found['here', 'hello'] / found['gunicorn', 'hello']:.2f} of gunicorn's")


if __name__ == "__main__":
    main()
