"""What a request costs as an ASGI application: here, and in uvicorn (httptools, uvloop) behind mod_proxy_http.

By hand: target/venv/bin/python tests/bench/asgi.py [--rounds N] [--requests N]; needs ab (Debian: apache2-utils), and
the packages of tests/requirements.txt.

Shown is CPU time per request in microseconds, user and system, of all processes of a server together: the median of
the rounds, which take turns. Both httpds have the MPM event and one child with 16 threads; uvicorn has one worker and
no access log. `C` is a handler in C of the same httpd.
"""

import argparse
import os
import statistics
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts"), str(TESTS.parent / "python")]

from other_servers import listening  # noqa: E402
from packages import WithPackages  # noqa: E402

import probes  # noqa: E402
from httpd import Httpd  # noqa: E402
from tests.bench.cpu_time import need_ab, send  # noqa: E402
from tests.bench.wsgi import COMMON, seconds  # noqa: E402

HELLO = """
HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"6")]

async def application(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"Hello\\n"})
"""
STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def hello(request):
    return PlainTextResponse("Hello\\n")

application = Starlette(routes=[Route("/", hello)])
"""
PAGES = {"hello": HELLO, "starlette": STARLETTE}
HERE = "\n".join(f"PythonApplication /{name} asgi {name}_site" for name in PAGES)


def uvicorn(site: Httpd, module: str) -> AbstractContextManager[tuple[int, int]]:
    """A uvicorn that serves a module; its port and process."""
    command = [sys.executable, "-m", "uvicorn", f"{module}:application", "--log-level", "error", "--http", "httptools"]
    command += ["--loop", "uvloop", "--no-access-log", "--timeout-keep-alive", "60", "--port"]
    return listening(lambda port: [*command, str(port)], cwd=site.handlers)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=5000)
    arguments = parser.parse_args()
    need_ab("asgi")
    common = f"{probes.load('bench')}\n{COMMON}"
    with ExitStack() as stack:
        here = WithPackages(common + HERE)
        for name, text in PAGES.items():
            here.handler(f"{name}_site.py", text)
        behind = {name: stack.enter_context(uvicorn(here, f"{name}_site")) for name in PAGES}
        lines = [f"ProxyPass /{name}/ http://127.0.0.1:{port}/" for name, (port, _) in behind.items()]
        front = Httpd(common + "\n".join(lines), modules=("proxy", "proxy_http"), with_python=False)
        for site in (here, front):
            stack.enter_context(site)
        costs: dict[tuple[str, str], list[float]] = {}
        for _ in range(arguments.rounds):
            for page in ("bench-hello", *PAGES):
                workers = [behind[page][1]] if page in behind else []
                for name, site, others in (("here", here, []), ("uvicorn", front, workers)):
                    path = f"/{page}" if page == "bench-hello" else f"/{page}/"
                    send(site.url(path), 200)
                    roots = [site.parent_pid, *others]
                    before = seconds(roots)
                    send(site.url(path), arguments.requests)
                    cost = (seconds(roots) - before) / arguments.requests * 1e6
                    costs.setdefault((name, page), []).append(cost)
        show({key: statistics.median(values) for key, values in costs.items()})


def show(found: dict[tuple[str, str], float]) -> None:
    """Print what each costs."""
    print(f"{'':10} {'C':>7} {'hello':>7} {'Starlette':>9}   on {os.cpu_count()} cores")
    for name in ("here", "uvicorn"):
        native, hello, starlette = (found[name, page] for page in ("bench-hello", *PAGES))
        print(f"{name:10} {native:7.1f} {hello:7.1f} {starlette:9.1f}")
    for page in PAGES:
        print(f"{page}: {found['here', page] / found['uvicorn', page]:.2f} of uvicorn's behind mod_proxy_http")


if __name__ == "__main__":
    main()
