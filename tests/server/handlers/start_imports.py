"""Functions for PythonImport: each writes a line into the file that the children share."""

import threading
import time
from pathlib import Path

from mod_python import _apache, apache

STATE = Path(apache.main_server.get_options()["state"])


def _note(word: str) -> None:
    with (STATE / "imports").open("a") as file:
        file.write(f"{word} {_apache.interpreter}\n")


def first() -> None:
    _note("first")


def second() -> None:
    _note("second")


def third() -> None:
    _note("third")


def needed() -> None:
    """Fail as long as the file `down` is there; if it says something, leave a thread that goes on for long."""
    if (STATE / "down").exists():
        if (STATE / "down").read_text():
            threading.Thread(target=time.sleep, args=(60,), daemon=False).start()
        raise OSError("the database is down")
    _note("needed")


def handler(req: apache.Request) -> int:
    req.write("up")
    return apache.OK
