"""Caches in memory, in place of those that ``PythonCache`` declares."""

import json
import operator
import threading
import time
from typing import Any

from mod_python.testing import native as native  # loads _apache

# isort: split
from mod_python import _cache

_LONGEST_KEY = 100
_TTL = 24 * 60 * 60.0
_LONGEST_TTL = 10 * 365 * 24 * 60 * 60.0


class MemoryStore:
    """The entries of one cache, for the threads of this process.

    Args:
        name: the cache's name, for errors.
    """

    provider = "memory"
    longest_ttl = _LONGEST_TTL

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        # By key: when it ends, the bytes, and whether these are JSON.
        self._entries: dict[bytes, tuple[float, bytes, bool]] = {}

    def get(self, key: str | bytes) -> bytes | str | None:
        """Return bytes, or a text of JSON, or None."""
        with self._lock:
            return self._get(_bytes(key))

    def get_many(self, keys: list[str | bytes]) -> list[bytes | str | None]:
        """Return what `get` returns for each key."""
        wanted = [_bytes(key) for key in keys]
        with self._lock:
            return [self._get(key) for key in wanted]

    def set(self, key: str | bytes, value: bytes, is_json: bool, ttl: float | None) -> None:
        """Store a value."""
        entry = (self._end(ttl), value, is_json)
        with self._lock:
            self._entries[_bytes(key)] = entry

    def add(self, key: str | bytes, value: bytes, is_json: bool, ttl: float | None) -> bool:
        """Store a value if there is none, and return whether there was none."""
        wanted, entry = _bytes(key), (self._end(ttl), value, is_json)
        with self._lock:
            if self._get(wanted) is not None:
                return False
            self._entries[wanted] = entry
            return True

    def incr(self, key: str | bytes, delta: int, ttl: float | None) -> int:
        """Add to a number, and return the sum."""
        delta = operator.index(delta)
        wanted, end = _bytes(key), self._end(ttl)
        with self._lock:
            found = self._get(wanted)
            number: Any = 0
            if found is not None:
                end = self._entries[wanted][0]
                number = json.loads(found) if isinstance(found, str) else None
            if type(number) is not int:
                raise TypeError(f"the cache {self._name} (memory): incr() takes values that are an int of 64 bits")
            total = number + delta
            if not -(2**63) <= total < 2**63:
                raise OverflowError(f"the cache {self._name} (memory): the sum has more than 64 bits")
            self._entries[wanted] = (end, b"%d" % total, True)
            return total

    def delete(self, key: str | bytes) -> bool:
        """Remove a value, and return whether there was one."""
        wanted = _bytes(key)
        with self._lock:
            was_there = self._get(wanted) is not None
            self._entries.pop(wanted, None)
            return was_there

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._entries.clear()

    def _get(self, key: bytes) -> bytes | str | None:
        end, value, is_json = self._entries.get(key, (0.0, b"", False))
        if end <= time.time():
            return None
        return value.decode() if is_json else value

    def _end(self, ttl: float | None) -> float:
        if isinstance(ttl, str | bytes):
            raise TypeError(f"must be real number, not {type(ttl).__name__}")
        seconds = _TTL if ttl is None else float(ttl)
        if not 0 < seconds <= _LONGEST_TTL:
            raise ValueError(
                f"an entry of the cache {self._name} (memory) lives for more than 0 and up to {_LONGEST_TTL:.0f} "
                f"seconds, not {ttl}"
            )
        return time.time() + seconds


_stores: dict[str, MemoryStore] = {}


def clear_caches() -> None:
    """Remove all values of all caches, for a test that begins with empty ones."""
    for store in _stores.values():
        store.clear()


def _bytes(key: str | bytes) -> bytes:
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"the key of a cache is a str or bytes, not {type(key)}")
    data = key.encode("utf-8", "surrogateescape") if isinstance(key, str) else key
    if not 1 <= len(data) <= _LONGEST_KEY:
        raise ValueError(
            f"the key of a cache has 1 to {_LONGEST_KEY} bytes, and not {len(data)}: for longer ones take "
            f"hashlib.sha256(key).digest()"
        )
    return data


_cache.use_stores(lambda name: _stores.setdefault(name, MemoryStore(name)))
