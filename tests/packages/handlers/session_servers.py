"""Pages about what goes wrong between sessions and the servers that have them."""

import sys
import time
from typing import Any

from mod_python import Session, apache
from mod_python._sessions.locks import Held


def begun(req: apache.Request) -> Any:
    return Session.Session(req)


def without_package(req: apache.Request) -> str:
    """What is said where a package is not installed."""
    name = req.args or ""
    before = {key: sys.modules.pop(key) for key in list(sys.modules) if key.partition(".")[0] == name}
    sys.modules[name] = None  # type: ignore[assignment]
    req_stores: list[dict[Any, Any]] = [Session.SqlSession._stores, Session.RedisSession._stores]
    saved = [dict(stores) for stores in req_stores]
    for stores in req_stores:
        stores.clear()
    try:
        begun(req)
    except Session.SessionStoreError as error:
        return str(error)
    finally:
        del sys.modules[name]
        sys.modules.update(before)
        for stores, old in zip(req_stores, saved, strict=True):
            stores.update(old)
    return "nothing"


def changed_meanwhile(req: apache.Request) -> None:
    """Saves a session whose lock is lost, while X-Sleep lets another request change it."""
    session = begun(req)
    session["who"] = "late"
    time.sleep(float(req.headers_in["X-Seconds"]))
    session.save()


def saved_late(req: apache.Request) -> bool:
    """Saves a session whose lock has ended, though nobody wanted it."""
    session = begun(req)
    time.sleep(float(req.headers_in["X-Seconds"]))
    session["who"] = "slow"
    session.save()
    session["more"] = 1
    session.save()
    return bool(Session.Session(req, sid=session.id(), lock=0)["who"] == "slow")


def idle(req: apache.Request) -> int:
    """How many connections wait in the pool."""
    return_value: int = len(begun(req)._store._pool._idle)
    req.write(str(return_value))
    return apache.OK


def held(req: apache.Request) -> list[str]:
    """Give a lock of Redis back that has become another's."""
    session = begun(req)
    store, sid = session._store, session.id()
    client = store._client
    client.set(store._lock_key(sid), b"another's")
    session.unlock()
    left = [client.get(store._lock_key(sid)).decode()]
    client.delete(store._lock_key(sid))
    session.lock()
    session.unlock()
    return [*left, str(client.get(store._lock_key(sid))), str(len(Held._all))]


def time_to_live(req: apache.Request) -> list[int]:
    """How long Redis keeps a session, in seconds, and a locked lock."""
    session = begun(req)
    session.set_timeout(float(req.headers_in["X-Timeout"]))
    session.save()
    store, sid = session._store, session.id()
    found = [store._client.pttl(key) for key in (store._key(sid), store._lock_key(sid))]
    return [round(one / 1000) for one in found]


def statements(req: apache.Request) -> list[str]:
    return Session.SqlSession.statements(req.args or "")
