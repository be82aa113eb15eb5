"""Sessions in Redis, by redis-py, and their locks: for ``RedisSession``."""

import contextlib
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from mod_python._sessions.folder import SessionStoreError
from mod_python._sessions.locks import LockLostError

if TYPE_CHECKING:
    import redis

T = TypeVar("T")

_SECONDS = 10.0  # how long a connection, or an answer, is waited for
_LONGEST_MS = 10 * 366 * 86400 * 1000


class RedisLock:
    """The lock of a session: the value of its key, and the record that was seen with it."""

    def __init__(self) -> None:
        self.token = secrets.token_bytes(16)
        self.seen: bytes | None = None


class RedisStore:
    """Loads and saves the bytes of sessions, and locks them: it is the `Locks` of ``RedisSession``, too.

    A lock is a key that ends by itself, so that a child that was killed keeps it for `lock_seconds` only. Whoever has
    a lock and takes longer can still save, as long as nobody else has changed the session: Redis compares both in the
    same step (WATCH).

    Args:
        url: the URL of the server, such as ``redis://localhost:6379/0``; ``rediss:`` for TLS, ``unix:`` for a socket.
        prefix: how the names of all keys begin.
        lock_seconds: after how many seconds a lock ends by itself.
    """

    def __init__(self, url: str, prefix: str, lock_seconds: float) -> None:
        self.name = f"{url} {prefix}"
        self._url = url
        self._prefix = prefix
        self._lock_ms = max(1, int(lock_seconds * 1000))
        self._client: redis.Redis | None = None

    # ---- records

    def load(self, sid: str, lock: RedisLock | None) -> bytes | None:
        """Return the bytes of a session, or None."""
        record = self._again(lambda client: client.get(self._key(sid)))
        if lock is not None:
            lock.seen = record  # type: ignore[assignment]  # redis-py's own stub says more
        return record  # type: ignore[return-value]

    def save(self, sid: str, data: bytes, expires: float, lock: RedisLock | None) -> None:
        """Write the bytes of a session that expires at a time, in seconds since 1970.

        Raises:
            LockLostError: the lock had ended, and somebody else has changed the session or has its lock.
        """
        left = min(int((expires - time.time()) * 1000) + 1000, _LONGEST_MS)
        if left <= 0:
            self.delete(sid)
        elif lock is None:
            self._again(lambda client: client.set(self._key(sid), data, px=left))
        else:
            self._again(lambda client: self._save_locked(client, sid, data, left, lock))
            lock.seen = data

    def _save_locked(self, client: "redis.Redis", sid: str, data: bytes, left: int, lock: RedisLock) -> None:
        from redis.exceptions import WatchError

        with client.pipeline() as pipe:
            pipe.watch(self._lock_key(sid), self._key(sid))  # type: ignore[no-untyped-call]
            holder = pipe.get(self._lock_key(sid))
            # A save whose answer was lost with the connection is there already.
            if holder != lock.token and (holder is not None or pipe.get(self._key(sid)) not in (lock.seen, data)):
                raise LockLostError(sid)
            pipe.multi()
            pipe.set(self._key(sid), data, px=left)
            try:
                pipe.execute()
            except WatchError:
                raise LockLostError(sid) from None

    def delete(self, sid: str) -> None:
        """Remove a session, if it is there."""
        self._again(lambda client: client.delete(self._key(sid)))

    # ---- locks

    def try_lock(self, key: str) -> RedisLock | None:
        """Take the lock of a session; None if it is taken."""
        lock, name = RedisLock(), self._lock_key(key)

        def take(client: "redis.Redis") -> bool:
            if client.set(name, lock.token, nx=True, px=self._lock_ms):
                return True
            return client.get(name) == lock.token  # the answer to the first try was lost with its connection

        return lock if self._again(take) else None

    def unlock(self, key: str, token: RedisLock) -> None:
        """Give back a lock, unless it has ended and is another's now."""
        from redis.exceptions import RedisError

        def give(client: "redis.Redis") -> None:
            with client.pipeline() as pipe:
                pipe.watch(self._lock_key(key))  # type: ignore[no-untyped-call]
                if pipe.get(self._lock_key(key)) == token.token:
                    pipe.multi()
                    pipe.delete(self._lock_key(key))
                    pipe.execute()

        with contextlib.suppress(RedisError):  # it ends by itself, or has ended
            self._again(give)

    # ---- connections

    def _key(self, sid: str) -> str:
        return f"{self._prefix}{sid}"

    def _lock_key(self, sid: str) -> str:
        return f"{self._prefix}lock:{sid}"

    def _again(self, work: "Callable[[redis.Redis], T]") -> T:
        """Return what `work` returns; if the connection is lost, it is called once more."""
        client = self._client
        if client is None:
            client = self._client = self._new()
        from redis.exceptions import ConnectionError as LostError

        try:
            return work(client)
        except LostError:
            return work(client)

    def _new(self) -> "redis.Redis":
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise SessionStoreError(
                f"RedisSession needs redis-py ({error}): install the package python3-redis of Debian, or redis with pip"
            ) from error
        options: dict[str, Any] = {"socket_timeout": _SECONDS, "retry": Retry(NoBackoff(), 0)}
        if not self._url.startswith("unix:"):  # redis-py 4 of Debian 12 does not know it there
            options["socket_connect_timeout"] = _SECONDS
        client: redis.Redis = redis.Redis.from_url(self._url, **options)
        return client
