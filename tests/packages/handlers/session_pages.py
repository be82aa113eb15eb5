"""Pages with sessions, of the kind that the path ends with: /call/session_pages/visit/FileSession."""

import datetime
import os
import signal
import time
from pathlib import Path
from typing import Any

from mod_python import Cookie, Session, apache
from mod_python._sessions.base import BaseSession


def begun(req: apache.Request, **arguments: Any) -> BaseSession:
    """The session of a request, with the arguments of the query."""
    queried = {name: values[0] for name, values in apache.parse_qs(req.args or "").items()}
    for name in ("timeout", "lock"):
        if name in queried:
            arguments[name] = int(queried[name])
    for name in ("sid", "secret"):
        if name in queried:
            arguments[name] = queried[name]
    if "cookies" not in queried:
        return Session.Session(req, **arguments)
    Cookie.add_cookie(req, "first", "1")
    session = Session.Session(req, **arguments)
    Cookie.add_cookie(req, "last", "1")
    return session


def told(session: BaseSession) -> dict[str, Any]:
    return {
        "kind": type(session).__name__,
        "id": session.id(),
        "new": session.is_new(),
        "data": dict(session),
        "created": session.created(),
        "accessed": session.last_accessed(),
        "timeout": session.timeout(),
    }


def visit(req: apache.Request) -> dict[str, Any]:
    session = begun(req)
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    return told(session)


def look(req: apache.Request) -> dict[str, Any]:
    return told(begun(req))


def unsaved(req: apache.Request) -> dict[str, Any]:
    session = begun(req)
    session["visits"] = 1000
    return told(session)


def login(req: apache.Request) -> list[str]:
    session = begun(req)
    old = session.id()
    session["user"] = "ada"
    return [old, session.renew(), session.id()]


def delete(req: apache.Request) -> dict[str, Any]:
    session = begun(req)
    session.delete()
    return told(session)


def logout(req: apache.Request) -> dict[str, Any]:
    session = begun(req)
    session.invalidate()
    session["visits"] = 1
    session.save()
    return told(session)


def longer(req: apache.Request) -> dict[str, Any]:
    session = begun(req)
    session.set_timeout(7)
    session.save()
    return told(session)


def timed(req: apache.Request) -> list[Any]:
    """What time-outs that are no numbers become."""
    session = begun(req)
    told: list[Any] = []
    values: list[Any] = ["30", "1.5", 7, 2.5, "soon", [], None, float("inf")]
    for value in values:
        try:
            session.set_timeout(value)
            told.append(session.timeout())
        except (TypeError, ValueError) as error:
            told.append(type(error).__name__)
    session.save()
    return told


def later(req: apache.Request) -> dict[str, Any]:
    """The session as it would be found in an hour."""
    now = time.time
    time.time = lambda: now() + 3600
    try:
        return told(begun(req))
    finally:
        time.time = now


def cleanup(req: apache.Request) -> int:
    begun(req).cleanup()
    return apache.OK


def stored(req: apache.Request) -> bool:
    """Whether the store has a session, expired or not."""
    session, sid = begun(req), req.headers_in["X-Sid"]
    if isinstance(session, Session.MemorySession):
        return sid in session._records
    if isinstance(session, Session.FileSession):
        return Path(session._store._name(sid)).exists()
    return session._store.load(sid, None) is not None


def value(req: apache.Request) -> str:
    """Keep a value that JSON does not have."""
    session = begun(req)
    kept = session.setdefault("when", datetime.datetime(2005, 3, 1))
    session.save()
    return repr(kept)


def twice(req: apache.Request) -> list[Any]:
    """Two objects for one session, which is locked."""
    first = begun(req)
    first["a"] = 1
    first.save()
    second = begun(req, sid=first.id())
    second["b"] = 2
    second.save()
    second.unlock()
    return [first.id() == second.id(), dict(second)]


def many(req: apache.Request) -> str:
    """More sessions at once than mod_python 3 had locks for."""
    sessions = []
    for _ in range(40):
        sessions.append(begun(req))
        del req.err_headers_out["Set-Cookie"]  # otherwise they were one session
    for session in sessions:
        session.save()
    return f"{len({session.id() for session in sessions})} sessions"


def redirected(req: apache.Request) -> int:
    """Another page of the same session, while this one has it."""
    session = begun(req)
    session.save()
    req.internal_redirect(req.uri.replace("redirected", "visit"))
    return apache.OK


def slow(req: apache.Request) -> dict[str, Any]:
    session = begun(req)
    visits = session.get("visits", 0)
    time.sleep(float(req.headers_in.get("X-Seconds", "0.01")))
    session["visits"] = visits + 1
    session.save()
    return told(session)


def killed(req: apache.Request) -> None:
    session = begun(req)
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    os.kill(os.getpid(), signal.SIGKILL)


def no_store(req: apache.Request) -> None:
    BaseSession(req, lock=False, sid="0" * 32)


def login_of_two(req: apache.Request) -> dict[str, Any]:
    """As a handler for authentication and one for the page do it, each with an object of its own."""
    first = begun(req)
    first["user"] = "ada"
    first.renew()
    first.unlock()
    return visit(req)


def begin_of_two(req: apache.Request) -> dict[str, Any]:
    first = begun(req)
    second = visit(req)
    assert second["id"] == first.id()
    assert second["new"]
    return second


def anew(req: apache.Request) -> dict[str, Any]:
    begun(req).invalidate()
    return visit(req)


def forked(req: apache.Request) -> list[Any]:
    """Start a process that lives on, and lets go of its copy of the session; its number, and whether that is locked."""
    session = begun(req)
    session.save()
    begin, end = os.pipe()
    process = os.fork()
    if process:
        os.close(end)
        os.read(begin, 1)  # it has let go
        os.close(begin)
        assert session._locks is not None
        return [process, session._locks.try_lock(session.id()) is None]
    session.unlock()
    os.write(end, b"1")
    time.sleep(60)
    os._exit(0)


def renewed_late(req: apache.Request) -> list[Any]:
    session = begun(req)
    session.save()
    session.invalidate()
    return [session.renew() == session.id(), req.err_headers_out.get_all("Set-Cookie")]


def form_field(req: apache.Request) -> list[Any]:
    """Keep a field of a form, and what is in a list."""
    session = begun(req)
    if "said" in req.form:
        session["said"] = req.form["said"]
        session["all"] = req.form.getlist("said")
        session.save()
    return [(type(one).__name__, one) for one in [session["said"], *session["all"]]]


class OwnSession(BaseSession):
    """A session that is stored as programs of mod_python 3 did it."""

    stored: dict[str, dict[str, Any]] = {}  # noqa: RUF012

    def do_load(self) -> dict[str, Any] | None:
        return self.stored.get(self._sid)

    def do_save(self, dict: dict[str, Any]) -> None:
        self.stored[self._sid] = dict

    def do_delete(self) -> None:
        self.stored.pop(self._sid, None)

    def do_cleanup(self) -> None:
        self.stored.clear()


def own(req: apache.Request) -> list[Any]:
    session = OwnSession(req, None, "salt", 1, 60)
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    return [session["visits"], session.timeout(), sorted(OwnSession.stored[session.id()])]


def visit_json(req: apache.Request) -> int:
    begun(req)
    return apache.OK
