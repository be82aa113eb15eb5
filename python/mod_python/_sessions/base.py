"""What all sessions have, wherever they are stored: ``Session.BaseSession``."""

import random
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from mod_python import Cookie, apache
from mod_python._sessions import cookie as _cookies
from mod_python._sessions.folder import folder_key, key_of_file
from mod_python._sessions.locks import FileLocks, Held, LockLostError, Locks
from mod_python._sessions.options import SessionOptions, module_setting
from mod_python._sessions.records import ACCESSED, CREATED, DATA, TIMEOUT, Codec, Record, is_expired, seconds

T = TypeVar("T")

DFT_TIMEOUT = 1800
DFT_LOCK = True
CLEANUP_CHANCE = 1000
DFT_LOCK_TIMEOUT = 30


class BaseSession(dict[Any, Any]):
    """The data of a visitor, from request to request: a dict that save() stores.

    A subclass stores it by ``do_load``, ``do_save``, ``do_delete`` and ``do_cleanup``, and may replace ``open_store``,
    ``init_lock``, ``cleanup`` and ``make_cookie``.
    """

    _lock_held: Held | None = None
    _locks: Locks | None = None
    _opens_later = False
    _invalid = False
    _new = True
    # The cookie of the session that the response has so far, as its header says it.
    _cookie_sent: str | None = None

    def __init__(
        self,
        req: apache.Request,
        sid: str | int | None = None,
        secret: str | bytes | None = None,
        lock: bool | int = DFT_LOCK,
        timeout: float = 0,
    ) -> None:
        """Load the session of the request's cookie, or begin one and send its cookie.

        Args:
            req: the request.
            sid: the session's id, in place of that of the cookie. If there is no such session, a new one gets a new id.
            secret: the key that signs the cookie.
            lock: whether other requests for the session wait until this one is over.
            timeout: after how many seconds without a save() a new session ends; 1800, if it is 0.

        Raises:
            apache.SERVER_RETURN: with 503, if the session is not free after 30 seconds
                (``PythonOption mod_python.session.lock_timeout``).
            TypeError: `timeout` is no number.
            ValueError: `sid` is not 32 hexadecimal digits in lower case, `timeout` is no number, or an option is wrong.
        """
        self._req = req
        self._options = SessionOptions(req)
        self._secret = secret
        self._is_locking = bool(lock)
        if sid and not _cookies.is_sid(sid):
            raise ValueError("the id of a session has 32 hexadecimal digits in lower case")
        self.open_store()
        self.init_lock()
        self._timeout = seconds(timeout) if timeout else 0
        if sid:
            self._sid = str(sid)
        else:
            self._sid, self._cookie_sent = _cookies.received_sid(req, self._options, secret)
        if self._opens_later:
            return
        if self._sid:
            self.lock()
            self._new = not self.load()
        if self._new and not self._is_begun():
            self.unlock()
            self._sid = secrets.token_hex(16)
            self.lock()
        self._begin()
        self._clean_up_sometimes()

    @classmethod
    async def open_async(cls, req: apache.Request, *args: Any, **kw: Any) -> Self:
        """Return a session as the class does, for async code: no thread waits for its lock.

        Args:
            req: the request.
            args: the further arguments of the class, and so are those in `kw`.
            kw: as `args`.

        Raises:
            BaseException: as the class.
        """
        self = cls.__new__(cls)
        self._opens_later = True
        self.__init__(req, *args, **kw)  # type: ignore[misc]  # it opens nothing
        if self._sid:
            await self.alock()
            self._new = not await self.aload()
        if self._new and not self._is_begun():
            await self.aunlock()
            self._sid = secrets.token_hex(16)
            await self.alock()
        self._begin()
        self._clean_up_sometimes()
        return self

    def _is_begun(self) -> bool:
        """Whether another object has begun this session in the same request, and has not saved it yet."""
        return bool(self._sid and self._cookie_sent)

    def _begin(self) -> None:
        if not self._new:
            return
        self._timeout = self._timeout or seconds(module_setting("DFT_TIMEOUT", DFT_TIMEOUT))
        self._created = self._accessed = time.time()
        self._send_cookie()

    def _clean_up_sometimes(self) -> None:
        chance = module_setting("CLEANUP_CHANCE", CLEANUP_CHANCE)
        if chance and random.random() * chance < 1:
            self.cleanup()

    def __del__(self) -> None:
        if self._lock_held is not None:
            self.unlock()

    def make_cookie(self) -> Cookie.Cookie:
        """Return the cookie with the session's id."""
        return _cookies.session_cookie(self._req, self._options, self._secret, self._sid)

    def _send_cookie(self) -> None:
        self._set_cookie(self.make_cookie())

    def _set_cookie(self, cookie: Cookie.Cookie) -> None:
        self._cookie_sent = _cookies.send(self._req, cookie, self._cookie_sent)

    # ---- what is known of it

    def id(self) -> str:
        """Return the session's id."""
        return self._sid

    def is_new(self) -> bool:
        """Return whether the session began with this request."""
        return self._new

    def created(self) -> float:
        """Return when the session began, in seconds since 1970."""
        return self._created

    def last_accessed(self) -> float:
        """Return when the session was saved last, in seconds since 1970; when it began, for a new one."""
        return self._accessed

    def timeout(self) -> float:
        """Return after how many seconds without a save() the session ends."""
        return self._timeout

    def set_timeout(self, secs: float) -> None:
        """Set after how many seconds without a save() the session ends. Raise TypeError or ValueError for no number."""
        self._timeout = seconds(secs)

    # ---- storing it

    def load(self) -> bool:
        """Load the data from the store. Return False if it is not there or has expired."""
        record = self.do_load()
        if record is None or is_expired(record, time.time()):
            return False
        self._created, self._accessed, self._timeout = record[CREATED], record[ACCESSED], record[TIMEOUT]
        self.clear()
        self.update(record[DATA])
        return True

    def save(self) -> None:
        """Store the data, and begin the time-out anew. After invalidate() it does nothing.

        Raises:
            apache.SERVER_RETURN: with 503, if the lock was lost before, and another request has changed the session:
                with a server of the sessions that was restarted, or `RedisSession` after its ``lock_seconds``.
        """
        if self._invalid:
            return
        record = {DATA: dict(self), CREATED: self._created, ACCESSED: time.time(), TIMEOUT: self._timeout}
        try:
            self.do_save(record)
        except LockLostError:
            text = (
                f"mod_python: the session {self._sid[:6]}... is not saved: its lock ended, and another request had it"
            )
            apache.log_error(text, apache.APLOG_WARNING)
            raise apache.SERVER_RETURN(apache.HTTP_SERVICE_UNAVAILABLE) from None

    async def aload(self) -> bool:
        """As `load`, for async code."""
        return await _in_thread(self.load)

    async def asave(self) -> None:
        """As `save`, for async code."""
        await _in_thread(self.save)

    def delete(self) -> None:
        """Remove the session from the store, and its data from this object."""
        self.do_delete()
        self.clear()

    async def adelete(self) -> None:
        """As `delete`, for async code."""
        await _in_thread(self.delete)

    def invalidate(self) -> None:
        """End the session: remove it, and end its cookie. A save() does nothing then."""
        self._end_cookie()
        self.delete()
        self._invalid = True

    async def ainvalidate(self) -> None:
        """As `invalidate`, for async code."""
        self._end_cookie()
        await self.adelete()
        self._invalid = True

    def _end_cookie(self) -> None:
        self._set_cookie(_cookies.ended(self.make_cookie()))

    def renew(self) -> str:
        """Give the session a new id, save it under that, remove the old one, and send the cookie. Return the new id.

        Call it when a visitor logs in: somebody else may have given him the id that he had until then. After
        invalidate() it does nothing.
        """
        if self._invalid:
            return self._sid
        old = self._sid, self._lock_held
        self._sid, self._lock_held = secrets.token_hex(16), None
        self.lock()
        self.save()
        self._send_cookie()
        self._drop(*old)
        return self._sid

    async def arenew(self) -> str:
        """As `renew`, for async code."""
        if self._invalid:
            return self._sid
        old = self._sid, self._lock_held
        self._sid, self._lock_held = secrets.token_hex(16), None
        await self.alock()
        await self.asave()
        self._send_cookie()
        await _in_thread(lambda: self._drop(*old))
        return self._sid

    def _drop(self, sid: str, held: Held | None) -> None:
        """Remove the session under the id that it had, and free that."""
        new_sid, self._sid = self._sid, sid
        try:
            self.do_delete()
        finally:
            self._sid = new_sid
        if held is not None and held.release():
            self._forget(held)

    # ---- locking it

    def init_lock(self) -> None:
        """Prepare for locking: called once, before the first lock()."""
        if self._is_locking and self._locks is None:
            self._locks = self.make_locks()

    def make_locks(self) -> Locks:
        """Return the locks of this kind of session."""
        return FileLocks(f"{self.folder()}/locks")

    def lock(self) -> None:
        """Wait until no other request has the session, and keep it from others until unlock() or the request's end.

        Raises:
            apache.SERVER_RETURN: with 503, if that takes longer than ``PythonOption mod_python.session.lock_timeout``.
            RuntimeError: on asyncio's loop (``@apache.aio``).
        """
        if self._locks is not None and self._lock_held is None:
            # While another thread still imports it, nothing runs on the loop.
            current = getattr(sys.modules.get("mod_python._loop_side"), "current", None)
            if current is not None and current(self._req) is not None:
                raise RuntimeError("open the session by 'await Session.open_async(req)': asyncio's loop must not wait")
            limit = self._options.number("session.lock_timeout", DFT_LOCK_TIMEOUT)
            self._keep(Held.acquire(self._locks, self._sid, self._req._connection_key(), limit), limit)

    async def alock(self) -> None:
        """As `lock`, for async code: no thread waits."""
        if self._locks is not None and self._lock_held is None:
            limit = self._options.number("session.lock_timeout", DFT_LOCK_TIMEOUT)
            from mod_python._sessions import async_forms as _session_async  # which imports asyncio

            self._keep(await _session_async.acquire(self._locks, self._sid, self._req._connection_key(), limit), limit)

    def _keep(self, held: Held | None, limit: float) -> None:
        if held is None:
            self._req.log_error(
                f"mod_python: the session {self._sid[:6]}... is in use by another request for more than {limit:g} s",
                apache.APLOG_WARNING,
            )
            raise apache.SERVER_RETURN(apache.HTTP_SERVICE_UNAVAILABLE)
        self._lock_held = held
        self._req.register_cleanup(Held.release, held)

    def unlock(self) -> None:
        """Let other requests have the session."""
        held, self._lock_held = self._lock_held, None
        if held is not None and held.release():
            self._forget(held)

    async def aunlock(self) -> None:
        """As `unlock`, for async code."""
        held, self._lock_held = self._lock_held, None
        if held is not None and await _in_thread(held.release):
            self._forget(held)

    def _forget(self, held: Held) -> None:
        """Spare the end of the request a call for a lock that was given back: it would wait for the GIL again."""
        try:  # noqa: SIM105 - suppress() takes longer than the call
            self._req._forget_cleanup(held)
        except RuntimeError:
            pass  # not on the thread of the request, or not while it is handled

    # ---- cleaning up

    def cleanup(self) -> None:
        """Remove what has expired from the store, when this request is over. One session in 1000 calls it.

        The classes of this module do that on a thread of its own, one at a time in a child.
        """
        self._req.register_cleanup(_clean_up, self)

    # ---- for subclasses

    def open_store(self) -> None:
        """Prepare for loading and storing: called once, before anything else."""

    def folder(self) -> Path:
        """Return the folder of this kind of session."""
        return self._options.folder()

    def codec(self) -> Codec:
        """Return what makes bytes of records, with the key of ``session.key_file``, or else that of the folder."""
        path = self._options.key_file()
        key = folder_key(self.folder()) if path is None else key_of_file(path)
        return Codec(key, self._options.text("session.format", "pickle").lower())

    def do_load(self) -> Record | None:
        """Return what ``do_save`` has stored for ``self.id()``, or None."""
        raise NotImplementedError(f"{type(self).__name__} has no do_load()")

    def do_save(self, record: Record) -> None:
        """Store a dict for ``self.id()``; its items are ``_data``, ``_created``, ``_accessed`` and ``_timeout``."""
        raise NotImplementedError(f"{type(self).__name__} has no do_save()")

    def do_delete(self) -> None:
        """Remove what is stored for ``self.id()``."""
        raise NotImplementedError(f"{type(self).__name__} has no do_delete()")

    def do_cleanup(self) -> None:
        """Remove what has expired: called at the end of a request, which can still be logged about."""


def _clean_up(session: BaseSession) -> None:
    session.do_cleanup()


async def _in_thread(work: Callable[[], T]) -> T:
    from mod_python._sessions import async_forms as _session_async  # which imports asyncio

    return await _session_async.in_thread(work)


class ShippedSession(BaseSession):
    """A session of this package: its time-out stands before its lock, as in mod_python 3."""

    def __init__(
        self,
        req: apache.Request,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        timeout: float = 0,
        lock: bool | int = DFT_LOCK,
    ) -> None:
        super().__init__(req, sid, secret, lock, timeout)
