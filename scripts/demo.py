"""Serves one of conf-examples in the foreground until Ctrl-C, and prints what to try.

scripts/demo starts this, after the set-up.
"""

import argparse
import itertools
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from server import MANUAL, MODULE, PROJECT, Server, ServerError, stop_on_signals, why_not

EXAMPLES = PROJECT / "conf-examples"


class Try(NamedTuple):
    """A shell command, and texts that must occur in what it prints."""

    command: str
    answers: list[str]


def introduction(conf: str) -> list[str]:
    """Return the first block of comments in a configuration, without the #."""
    block = itertools.takewhile(lambda line: line.startswith("#"), conf.splitlines())
    return [line[1:].removeprefix(" ") for line in block]


def tries(conf: str) -> list[Try]:
    """Return what the first block of comments says to try (`Try:`), each with what to see (`See:`)."""
    found: list[Try] = []
    for line in introduction(conf):
        word, _, text = line.partition(": ")
        if word == "Try":
            found.append(Try(text, []))
        elif word == "See":
            found[-1].answers.append(text)
    return found


def guide(conf: str) -> str:
    """Return the first block of comments, laid out for a terminal."""
    layout = {"Try": "  $ {}", "See": "      … {} …"}
    lines = []
    for line in introduction(conf):
        word, _, text = line.partition(": ")
        lines.append(layout[word].format(text) if word in layout else line)
    return "\n".join(lines)


def example(name: str) -> Path | None:
    """Return the configuration of this name: a path, or a name in conf-examples with or without .conf."""
    places = [Path(name), EXAMPLES / name, EXAMPLES / f"{name}.conf"]
    return next((place for place in places if place.is_file()), None)


def serve(conf: str, port: int) -> None:
    """Serve until a signal ends it; the error log goes to stderr. Files that change in the checkout are taken over."""
    seen = 0
    ports, env = {"PORT": port, "PORT2": port + 1}, {"PYTHONDONTWRITEBYTECODE": "1"}
    with Server(conf, ports=ports, env=env) as server:
        print(server.expand(guide(conf)))
        print(f"\nServing http://localhost:{port}/ from {server.folder}; Ctrl-C stops it.")
        print("Edit conf-examples/handlers, filters or protocols: the next request shows it.", flush=True)
        while server.alive():
            text = server.error_text(seen)
            seen += len(text.encode())
            sys.stderr.write(text)
            sys.stderr.flush()
            server.refresh()
            time.sleep(0.2)
        raise ServerError(f"httpd ended by itself:\n{server.error_text()}")


def main() -> int:
    """Check, build, serve; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Serves a demonstration of mod_python.")
    parser.add_argument("file", nargs="?", default="demo.conf", help="a configuration, as in conf-examples (demo.conf)")
    parser.add_argument("--port", type=int, default=8080, metavar="N", help="${PORT}, for HTTP; N+1 is ${PORT2} (8080)")
    arguments = parser.parse_args()
    port: int = arguments.port
    conf = example(arguments.file)
    if conf is None:
        known = ", ".join(sorted(path.name for path in EXAMPLES.glob("*.conf")))
        return fail(f"there is no file {arguments.file}, and conf-examples has only {known}.")
    for wanted in (port, port + 1):
        if not 0 < wanted < 65536:
            return fail(f"there is no port {wanted}: give another one with --port N (it uses N and N+1).")
        if error := why_not(wanted):
            reason = (error.strerror or str(error)).lower()
            return fail(f"port {wanted} cannot be used ({reason}): give another one with --port N (it uses N and N+1).")
    if subprocess.run([PROJECT / "scripts/build"], check=False).returncode != 0:
        return 1
    for needed in (MODULE, MANUAL):
        if not needed.exists():
            return fail(f"{needed} is missing: run scripts/setup and scripts/build.")
    stop_on_signals()
    try:
        serve(conf.read_text(), port)
    except KeyboardInterrupt:
        return 0
    except ServerError as error:
        return fail(str(error))
    return 0


def fail(sentence: str) -> int:
    """Say what is wrong; return the exit code for it."""
    print(f"demo: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
