"""``apache.cache(name)``: a mapping with times to live that all children of httpd share.

httpd's providers of small-object caches store bytes. This adds keys, values of JSON and times.
"""

import json
import math
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Protocol

from mod_python import _apache

# What is stored as JSON comes back as what it was: of other types, JSON would make another one.
_SCALARS = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Store(Protocol):
    """Where the bytes of a cache are: `_apache.CacheStore`, or that of `mod_python.testing`."""

    provider: str
    longest_ttl: float

    def get(self, key: str | bytes) -> bytes | str | None:
        """Return bytes, or a text of JSON, or None."""

    def get_many(self, keys: list[str | bytes]) -> list[bytes | str | None]:
        """Return what `get` returns for each key."""

    def set(self, key: str | bytes, value: bytes, is_json: bool, ttl: float | None) -> None:
        """Store a value."""

    def add(self, key: str | bytes, value: bytes, is_json: bool, ttl: float | None) -> bool:
        """Store a value if there is none, and return whether there was none."""

    def incr(self, key: str | bytes, delta: int, ttl: float | None) -> int:
        """Add to a number, and return the sum."""

    def delete(self, key: str | bytes) -> bool:
        """Remove a value, and return whether there was one."""


class Cache:
    """A mapping that all children share, whose entries end by themselves; ``PythonCache`` declares it.

    A key is a str or bytes of 1 to 100 bytes; a str is the same key as its bytes in UTF-8. A value is bytes, or what
    JSON has: None, bool, int, float, str, and lists and dicts of these, whose keys are str. It comes back with the
    same type; a field of a form, and each other str of a class of its own, comes back as a str. Any entry can be
    missing at any time: a cache forgets what it has no room for.

    Calls wait without the GIL for other children or for the engine. They can be made on any thread of a child.
    """

    def __init__(self, name: str, store: Store) -> None:
        self._name = name
        self._store = store

    def __repr__(self) -> str:
        return f"<cache {self._name} of {self._store.provider}>"

    @property
    def name(self) -> str:
        """The name in the line of ``PythonCache``."""
        return self._name

    @property
    def provider(self) -> str:
        """The name of httpd's provider, such as ``"shmcb"``; ``"memory"`` in ``mod_python.testing``."""
        return self._store.provider

    @property
    def longest_ttl(self) -> float:
        """The longest time to live that an entry can have, in seconds."""
        return self._store.longest_ttl

    def get(self, key: str | bytes, default: Any = None) -> Any:
        """Return the value of a key, or `default`.

        Raises:
            TypeError: the key is no str or bytes.
            ValueError: the key is empty or too long.
            OSError: the provider fails. So it is for all methods.
        """
        return _value(self._store.get(key), default)

    def get_many(self, keys: Iterable[str | bytes]) -> dict[str | bytes, Any]:
        """Return a dict with the values of those keys that have one. In shmcb and dbm, none changes meanwhile.

        Raises:
            TypeError: `keys` is a single key.
        """
        if isinstance(keys, str | bytes):
            raise TypeError(f"get_many() takes a list of keys, not a single {type(keys).__name__}")
        wanted = list(keys)
        found = self._store.get_many(wanted)
        return {key: _value(value, None) for key, value in zip(wanted, found, strict=True) if value is not None}

    def set(self, key: str | bytes, value: Any, ttl: float | timedelta | None = None) -> None:
        """Store a value, in place of the one that is there.

        Args:
            key: the key.
            value: bytes, or what JSON has.
            ttl: after how many seconds it ends; None for what ``ttl=`` in the line of ``PythonCache`` says, a day if
                that says nothing. redis and memcached take whole seconds: it is rounded up.

        Raises:
            TypeError: JSON does not have such a value, or would make another one of it.
            ValueError: the value is too large, as the text says with the bytes; or `ttl` is not positive, or too long.
        """
        self._store.set(key, *_stored(value), _seconds(ttl))

    def add(self, key: str | bytes, value: Any, ttl: float | timedelta | None = None) -> bool:
        """Store a value if the key has none, as one step. Return whether it was stored. Else as `set`.

        Raises:
            NotImplementedError: the cache is on an engine that other machines may use, where this is not one step.
        """
        return self._store.add(key, *_stored(value), _seconds(ttl))

    def incr(self, key: str | bytes, delta: int = 1, ttl: float | timedelta | None = None) -> int:
        """Add to an int, as one step, and return the sum. A key without a value has 0.

        Args:
            key: the key.
            delta: what is added; it may be negative.
            ttl: after how many seconds a value ends that this call makes. One that is there keeps its end.

        Raises:
            TypeError: the value is no int.
            OverflowError: the sum has more than 64 bits.
            NotImplementedError: as for `add`.
        """
        return self._store.incr(key, delta, _seconds(ttl))

    def delete(self, key: str | bytes) -> bool:
        """Remove a key. Return whether it had a value."""
        return self._store.delete(key)

    def __getitem__(self, key: str | bytes) -> Any:
        found = self._store.get(key)
        if found is None:
            raise KeyError(key)
        return _value(found, None)

    def __setitem__(self, key: str | bytes, value: Any) -> None:
        self.set(key, value)

    def __delitem__(self, key: str | bytes) -> None:
        if not self.delete(key):
            raise KeyError(key)

    def __contains__(self, key: str | bytes) -> bool:
        return self._store.get(key) is not None

    # Providers cannot list their keys; without this, Python would ask for the keys 0, 1, 2 ...
    __iter__ = None


# The caches of this interpreter, by name.
_caches: dict[str, Cache] = {}
# What makes the store of a cache.
_make_store: Callable[[str], Store] = _apache._cache_store


def cache(name: str) -> Cache:
    """Return the cache of a name. See `apache.cache`."""
    found = _caches.get(name)
    if found is None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a cache is a str, not {type(name).__name__}")
        found = _caches.setdefault(name, Cache(name, _make_store(name)))
    return found


def use_stores(make_store: Callable[[str], Store]) -> None:
    """Have caches made by `make_store` from now on, for code that runs without httpd."""
    global _make_store
    _make_store = make_store
    _caches.clear()


def _value(found: bytes | str | None, default: Any) -> Any:
    if found is None:
        return default
    return found if type(found) is bytes else json.loads(found)


def _stored(value: Any) -> tuple[bytes, bool]:
    """Return the bytes that are stored of a value, and whether they are JSON."""
    if type(value) is bytes:
        return value, False
    _check(value)
    text = _encode(value)
    try:
        return text.encode(), True
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write in ASCII
        return json.dumps(value).encode(), True


def _check(value: Any) -> None:
    """Raise TypeError for a value that would come back as another one."""
    kind = type(value)
    if kind in _SCALARS or isinstance(value, str):
        return
    if kind is list:
        for item in value:
            _check(item)
    elif kind is dict:
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a key of a dict in a cache is a str, not {type(key).__name__}: JSON has no others")
            _check(item)
    elif kind is float:
        if not math.isfinite(value):
            raise TypeError(f"a number in a cache is finite, not {value}: JSON has no others")
    else:
        raise TypeError(
            f"a value in a cache is bytes, None, bool, int, float, str, list or dict, not {kind.__name__}: it would "
            f"come back as something else"
        )


def _seconds(ttl: float | timedelta | None) -> float | None:
    return ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
