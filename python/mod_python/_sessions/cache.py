"""Sessions in a cache that all children share: ``CacheSession``."""

import time

from mod_python import apache
from mod_python._sessions.stored import StoredSession

_PREFIX = "mp_sess:"


class CacheStore:
    """Loads and saves the bytes of sessions.

    Args:
        name: the name of the cache. It removes by itself what has expired.
    """

    def __init__(self, name: str) -> None:
        self._cache = apache.cache(name)

    def load(self, sid: str, token: object = None) -> bytes | None:  # noqa: ARG002 - of stores that lock
        """Return the bytes of a session, or None."""
        found = self._cache.get(_PREFIX + sid)
        return found if isinstance(found, bytes) else None

    def save(self, sid: str, data: bytes, expires: float) -> None:
        """Write the bytes of a session that expires at a time, in seconds since 1970.

        Raises:
            ValueError: they are more than an entry of the cache can have.
        """
        left = min(expires - time.time(), self._cache.longest_ttl)
        if left > 0:
            self._cache.set(_PREFIX + sid, data, left)
        else:
            self.delete(sid)

    def delete(self, sid: str) -> None:
        """Remove a session, if it is there."""
        self._cache.delete(_PREFIX + sid)


class CacheSession(StoredSession):
    """A session in the cache that ``PythonOption mod_python.cache_session.cache`` names: ``sessions`` without it.

    It is gone where the cache forgets it: for want of room, or at a restart, as the cache's provider has it.
    """

    def open_store(self) -> None:
        """Find the cache.

        Raises:
            LookupError: no line of ``PythonCache`` declares it.
        """
        self._codec = self.codec()
        self._store = CacheStore(self._options.text("cache_session.cache", "sessions"))

    def do_cleanup(self) -> None:
        """Do nothing: the cache removes what has expired."""
