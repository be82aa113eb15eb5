"""Pages about the options of sessions, and about the names of the module."""

import os
import time
from pathlib import Path
from typing import Any

from mod_python import Session, apache
from mod_python._sessions.options import SessionOptions


def aged(req: apache.Request) -> str:
    """Store a session that was accessed some seconds ago, with a file of that age, and return its id."""
    session: Any = Session.Session(req)
    now = time.time()
    accessed, changed, timeout = (float(req.headers_in[name]) for name in ("X-Accessed", "X-Changed", "X-Timeout"))
    session.do_save({"_data": {}, "_created": 0.0, "_accessed": now - accessed, "_timeout": timeout})
    path = path_of(session)
    os.utime(path, (now - changed, now - changed))
    session.unlock()  # the client may ask for a clean-up before this request is over, and what is in use is not cleaned
    return str(session.id())


def path_of(session: Any) -> Path:
    return Path(session._store._name(session.id()))


def clean(req: apache.Request) -> int:
    if req.args:  # the arguments of the class, which come before the options
        fast, verify = req.args.split(",")
        Session.FileSession(req, lock=0, fast_cleanup=int(fast), verify_cleanup=int(verify)).cleanup()
    else:
        Session.Session(req, lock=0).cleanup()
    return apache.OK


def is_there(req: apache.Request) -> bool:
    session: Any = Session.Session(req, lock=0)
    session._sid = req.args
    return path_of(session).exists()


def hold(req: apache.Request) -> bool:
    """Clean up while this request has the session of X-Sid, and tell whether that is there still."""
    session: Any = Session.FileSession(req, timeout=1)
    session._sid = req.headers_in["X-Sid"]
    session.unlock()
    session.lock()
    session.do_cleanup()
    deadline = time.monotonic() + 20
    while Path(session._store._name(str(req.args))).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return path_of(session).exists()


def dbm(req: apache.Request) -> list[Any]:
    """The file of a DbmSession, as the option or the argument names it."""
    session = Session.DbmSession(req, req.args, dbmtype="anydbm") if req.args else Session.DbmSession(req)
    session.save()
    return [str(session._store._path), session.is_new()]


def old_names(req: apache.Request) -> dict[str, str]:
    options = SessionOptions(req)
    names = (
        *("session.session_type", "session.cookie_name", "session.application_path", "session.database_directory"),
        *("dbm_session.database_filename", "file_session.enable_fast_cleanup", "file_session.verify_session_timeout"),
        *("file_session.cleanup_grace_period", "file_session.cleanup_time_limit"),
    )
    return {name: options.text(name) for name in names}


def names(req: apache.Request) -> list[Any]:
    return [
        Session.COOKIE_NAME,
        Session.DFT_TIMEOUT,
        Session.DFT_LOCK,
        Session.CLEANUP_CHANCE,
        Session.DFT_FAST_CLEANUP,
        Session.DFT_VERIFY_CLEANUP,
        Session.DFT_GRACE_PERIOD,
        Session.DFT_CLEANUP_TIME_LIMIT,
        os.path.isdir(Session.tempdir),  # noqa: PTH112
        issubclass(Session.SessionFolderError, Session.SessionStoreError),
    ]


def module_settings(req: apache.Request) -> list[Any]:
    """Programs of mod_python 3 set variables of the module."""
    kept = Session.DFT_TIMEOUT, Session.CLEANUP_CHANCE, Session.COOKIE_NAME
    called = []

    class Counted(Session.MemorySession):
        def cleanup(self) -> None:
            called.append(1)

    Session.DFT_TIMEOUT, Session.CLEANUP_CHANCE, Session.COOKIE_NAME = 77, 1, "visit"
    try:
        session = Counted(req)
        cookie = session.make_cookie()
        Session.CLEANUP_CHANCE = 0
        Counted(req, sid=session.id())
        return [session.timeout(), len(called), cookie.name]
    finally:
        Session.DFT_TIMEOUT, Session.CLEANUP_CHANCE, Session.COOKIE_NAME = kept


def hooks(req: apache.Request) -> list[Any]:
    """A subclass replaces the hooks."""
    told = []

    class Own(Session.MemorySession):
        def init_lock(self) -> None:
            told.append("init_lock")

        def lock(self) -> None:
            told.append("lock")

        def unlock(self) -> None:
            told.append("unlock")

        def make_cookie(self) -> Any:
            cookie = super().make_cookie()
            cookie.max_age = 5
            return cookie

    Own(req, lock=1)
    return [told[:3], "Max-Age=5" in req.err_headers_out["Set-Cookie"]]


def orders(req: apache.Request) -> list[Any]:
    """The arguments by position, in the order of mod_python 3."""
    made: list[Any] = [
        Session.MemorySession(req, None, None, 5, 0),
        Session.FileSession(req, None, None, 5, 0, 1, 1),
        Session.DbmSession(req, None, None, None, None, 5, 0),
        Session.Session(req, None, None, 5, 0),
    ]
    return [[session.timeout(), session._locks] for session in made]
