"""Takes locks that all children share; called by call_by_path."""

import os
import threading
import time
from pathlib import Path
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import _apache, apache


def count(req: apache.Request) -> list[int]:
    """Adds one to the number in a file, as slowly as it takes to lose some without a lock."""
    file = folder(req) / "number"
    _apache._global_lock(req.server, "count")
    try:
        number = int(file.read_text())
        time.sleep(0.002)
        file.write_text(str(number + 1))
    finally:
        _apache._global_unlock(req.server, "count")
    return [os.getpid()]


def crossing(req: apache.Request) -> list[int]:
    """Takes two locks, which stand in the query, one after the other."""
    first, second = map(int, (req.args or "").split(","))
    _apache._global_lock(req.server, None, first)
    time.sleep(0.001)
    _apache._global_lock(req.server, None, second)
    _apache._global_unlock(req.server, None, second)
    _apache._global_unlock(req.server, None, first)
    return [os.getpid()]


def hold(req: apache.Request) -> list[str]:
    """Holds the lock of a key until there is a file."""
    _apache._global_lock(req.server, "held")
    (folder(req) / "holder").write_text(str(os.getpid()))
    while not (folder(req) / "go").exists():
        time.sleep(0.005)
    _apache._global_unlock(req.server, "held")
    return ["done"]


def attempt(req: apache.Request) -> list[Any]:
    """Tries the locks of three keys and tells the child."""
    taken = []
    for key in ("held", b"held", 5):
        taken.append(_apache._global_trylock(req.server, key))
        if taken[-1]:
            _apache._global_unlock(req.server, key)
    return [os.getpid(), *taken]


def wait_elsewhere(req: apache.Request) -> object:
    """As wait, but on another child than the holder's; where that is this one, the client is sent on."""
    if (folder(req) / "holder").read_text() == str(os.getpid()):
        return ["holder"]
    return wait(req)


def wait(req: apache.Request) -> list[str]:
    _apache._global_lock(req.server, "held")
    _apache._global_unlock(req.server, "held")
    return ["got it"]


def errors(req: apache.Request) -> dict[str, str]:
    lock, unlock, server = _apache._global_lock, _apache._global_unlock, req.server
    told = {
        "server": error_of(lock, req, "key"),
        "above": error_of(lock, server, "key", 8),
        "below": error_of(lock, server, "key", -2),
        "key": error_of(lock, server, None),
        "free": error_of(unlock, server, None, 3),
    }
    lock(server, None, 3)
    told["again"] = error_of(lock, server, None, 3)
    told["trylock"] = str(_apache._global_trylock(server, None, 3))
    unlock(server, None, 3)
    return told


def threads(req: apache.Request) -> dict[str, Any]:
    """A thread locks, another one waits and is not the one to unlock; then a thread locks twice."""
    server = req.server
    told: list[str] = []
    at_work = threading.Event()
    _apache._global_lock(server, None, 4)

    def waits() -> None:
        at_work.set()
        _apache._global_lock(server, None, 4)
        told.append("got it")
        told.append(error_of(_apache._global_lock, server, None, 4))

    thread = threading.Thread(target=waits)
    thread.start()
    at_work.wait()
    time.sleep(0.05)
    before = list(told)
    _apache._global_unlock(server, None, 4)
    thread.join(10)
    _apache._global_unlock(server, None, 4)
    return {"before": before, "told": told, "free": _apache._global_trylock(server, None, 4)}


def only_one(req: apache.Request) -> list[Any]:
    taken = [_apache._global_trylock(req.server, key) for key in ("a", "b", 7)]
    _apache._global_unlock(req.server, "c")
    return [*taken, error_of(_apache._global_lock, req.server, None, 1)]


def folder(req: apache.Request) -> Path:
    return Path(req.document_root())


QUERIES: dict[str, Any] = {
    "plain": "a=1&b=2&a=3",
    "semicolon": "a=1;b=2",
    "blank": "a=&b&&c=1",
    "signs": "a+b=c+d%2B&e=f=g",
    "utf8": "n=%C3%A9&m=é",
    "invalid": "n=%FF&m=%zz",
    "bytes": b"a=%FF\xe9;b=1",
}


def queries(req: apache.Request) -> dict[str, str]:
    told = {name: repr(_apache.parse_qsl(query)) for name, query in QUERIES.items()}
    told["kept"] = repr(_apache.parse_qsl(QUERIES["blank"], True))
    told["dict"] = repr(_apache.parse_qs(QUERIES["plain"], keep_blank_values=True))
    told["dict of bytes"] = repr(_apache.parse_qs(b"a=1;a=2"))
    told["strict"] = error_of(_apache.parse_qsl, "a", False, True)
    told["wrong"] = error_of(_apache.parse_qs, None)
    return told
