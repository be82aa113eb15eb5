"""Sessions whose records are stored as bytes."""

import time
from typing import Any

from mod_python import apache
from mod_python._sessions.base import BaseSession, ShippedSession
from mod_python._sessions.cleanup import in_background
from mod_python._sessions.records import ACCESSED, TIMEOUT, Codec, Record, UnreadableError


class StoredSession(ShippedSession):
    """A session whose records are stored as bytes, signed, by an object that has load, save, delete and clean_up.

    A subclass sets `_codec` and `_store` in ``open_store``.
    """

    _codec: Codec
    _store: Any

    def do_load(self) -> Record | None:
        """Read the record."""
        return self._decoded(self._store.load(self._sid))

    def do_save(self, record: Record) -> None:
        """Write the record."""
        expires = record[ACCESSED] + record[TIMEOUT]
        self._store.save(self._sid, self._codec.encode(self._sid, record), expires)

    def do_delete(self) -> None:
        """Remove the record."""
        self._store.delete(self._sid)

    def do_cleanup(self) -> None:
        """Remove records that have expired, on a thread of its own."""
        kind, store = type(self), self._store
        in_background(lambda: tell_removed(kind, store.clean_up(time.time())))

    def _decoded(self, data: bytes | None) -> Record | None:
        """Return the record of bytes; None if there are none, or if they cannot be read, which is logged."""
        if data is None:
            return None
        try:
            return self._codec.decode(self._sid, data)
        except UnreadableError as error:
            text = f"mod_python: a new session begins, because the stored one cannot be read: {error}"
            apache.log_error(text, apache.APLOG_WARNING)
            return None


def tell_removed(kind: type[BaseSession], removed: int) -> None:
    """Log what a clean-up has done."""
    apache.log_error(f"mod_python: {kind.__name__} has removed {removed} expired sessions", apache.APLOG_INFO)
