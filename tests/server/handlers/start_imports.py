"""Functions for PythonImport: each writes a line into the file that the children share."""

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
    """Fail as long as the file `down` is there."""
    if (STATE / "down").exists():
        raise OSError("the database is down")
    _note("needed")


def handler(req: apache.Request) -> int:
    req.write("up")
    return apache.OK
