"""What is stored of a session, as bytes: JSON, or a signed pickle."""

import functools
import hashlib
import hmac
import json
import math
import pickle
from typing import Any

# The fields of a record, and their names in the store.
DATA, CREATED, ACCESSED, TIMEOUT = "_data", "_created", "_accessed", "_timeout"
_JSON, _PICKLE = b"json", b"pick"
_MAC_BYTES = 32
_BLOCK_BYTES = 64

Record = dict[str, Any]


class UnreadableError(Exception):
    """Bytes that are no record; the text says why."""


def is_expired(record: Record, now: float) -> bool:
    """Whether a record was accessed longer ago than its time-out, or has times that are no numbers."""
    try:
        return not now - record[ACCESSED] <= record[TIMEOUT]
    except TypeError:
        return True


def seconds(timeout: Any) -> float:
    """Return a time-out as a number.

    Args:
        timeout: a number, or what `int` or `float` makes one of.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(timeout, str):
        try:
            return int(timeout)
        except ValueError:
            pass  # it may be a float
    try:
        number: float = timeout if isinstance(timeout, int) else float(timeout)
    except (TypeError, ValueError) as error:
        raise type(error)(f"the time-out of a session is a number of seconds, not {timeout!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"the time-out of a session is a finite number of seconds, not {timeout!r}")
    return number


class Codec:
    """Makes bytes of records, and records of bytes.

    All bytes are signed for their session, so that whoever can only write into the store cannot make up a session, nor
    give one the content of another.

    Args:
        key: the key of the signatures.
        format: ``"pickle"`` for any value that `pickle` takes, or ``"json"`` for what JSON has; nothing is unpickled
            then.
    """

    def __init__(self, key: bytes, format: str) -> None:
        if format not in ("pickle", "json"):
            raise ValueError(f"PythonOption mod_python.session.format {format}: write pickle or json")
        self._inner, self._outer = _keyed(key)
        self._format = format

    def encode(self, sid: str, record: Record) -> bytes:
        """Return the bytes of a record. Raise what json or pickle raises for values that they do not take."""
        try:
            body = self._body(record)
        except Exception as error:
            keys = [key for key, value in record[DATA].items() if not self._takes({key: value})]
            error.add_note(f"PythonOption mod_python.session.format is {self._format}, which does not take {keys}")
            raise
        return self._mac(sid, body) + body

    def _body(self, data: Record) -> bytes:
        if self._format == "json":
            return _JSON + json.dumps(data).encode()
        return _PICKLE + pickle.dumps(data, pickle.HIGHEST_PROTOCOL)

    def _takes(self, data: Record) -> bool:
        try:
            return bool(self._body(data))
        except Exception:
            return False

    def decode(self, sid: str, data: bytes) -> Record:
        """Return the record of bytes.

        Raises:
            UnreadableError: the bytes are none of this store, or what was pickled is not there any more.
        """
        mac, body = data[:_MAC_BYTES], data[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(sid, body)):
            raise UnreadableError("it is not signed with the key of the folder")
        try:
            if body.startswith(_JSON):
                record = json.loads(body[len(_JSON) :])
            elif self._format == "pickle":
                record = pickle.loads(body[len(_PICKLE) :])
            else:
                raise UnreadableError("it is a pickle, and PythonOption mod_python.session.format is json")
        except (ImportError, AttributeError, pickle.UnpicklingError) as error:
            raise UnreadableError(f"a class of its values is not there: {error}") from error
        except UnreadableError:
            raise
        except Exception as error:  # of the classes of its values
            raise UnreadableError(f"{type(error).__name__}: {error}") from error
        if not isinstance(record, dict) or not {DATA, CREATED, ACCESSED, TIMEOUT} <= record.keys():
            raise UnreadableError("it has no content of a session")
        return record

    def _mac(self, sid: str, body: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(sid.encode() + body)
        outer.update(inner.digest())
        return outer.digest()


@functools.lru_cache(maxsize=64)
def _keyed(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Return what HMAC-SHA-256 (RFC 2104) makes of a key: OpenSSL takes longer for that than for a session."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    return hashlib.sha256(inner), hashlib.sha256(outer)
