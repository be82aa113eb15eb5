"""What Redis's commands do to keys and their values."""

import fnmatch
import re
from collections.abc import Iterator

from .keys import NEVER, now
from .session import Session, integer
from .wire import Reply, RespError

MOST_KEYS = 100_000  # that KEYS gives
MOST_BYTES = 16 << 20  # that MGET gives
PORTION = 1000  # keys that are looked at at once, also by SCAN
SYNTAX = "ERR syntax error"


def get(session: Session, key: bytes) -> Reply:
    """GET key."""
    return session.keys.get(session.db, key)


def mget(session: Session, *keys: bytes) -> Reply:
    """MGET key ...."""
    values, size = [], 0
    for key in keys:
        value = session.keys.get(session.db, key)
        values.append(value)
        size += len(value or b"")
        if size > MOST_BYTES:
            raise RespError(f"ERR these values have more than {MOST_BYTES} bytes: ask for fewer")
    return values


def set_(session: Session, key: bytes, value: bytes, *options: bytes) -> Reply:
    """SET key value [EX seconds | PX milliseconds] [NX | XX]."""
    words = iter(options)
    expires, only = NEVER, b""
    for word in map(bytes.upper, words):
        if word in (b"NX", b"XX") and not only:
            only = word
        elif word in (b"EX", b"PX") and expires == NEVER:
            expires = moment("set", integer(next(words, b"")), 1000 if word == b"EX" else 1)
        else:
            raise RespError(SYNTAX)
    if only == b"NX":
        return "OK" if session.keys.put_new(session.db, key, value, expires) else None
    if only == b"XX":
        return "OK" if session.keys.change(session.db, key, value, expires) else None
    session.keys.put(session.db, key, value, expires)
    return "OK"


def moment(command: str, time: int, unit: int) -> int:
    """When so many units of milliseconds from now have passed."""
    if not 0 < time < (NEVER - now()) // unit:
        raise RespError(f"ERR invalid expire time in '{command}' command")
    return now() + time * unit


def mset(session: Session, *items: bytes) -> Reply:
    """MSET key value ...."""
    if len(items) % 2:
        raise RespError("ERR wrong number of arguments for 'mset' command")
    for key, value in zip(items[::2], items[1::2], strict=True):
        session.keys.put(session.db, key, value)
    return "OK"


def delete(session: Session, *keys: bytes) -> Reply:
    """DEL key ...."""
    return sum(session.keys.delete(session.db, key) for key in keys)


def exists(session: Session, *keys: bytes) -> Reply:
    """EXISTS key ...."""
    return sum(session.keys.expires(session.db, key) is not None for key in keys)


def add(session: Session, key: bytes, number: int) -> Reply:
    """Add to the integer that a key has; one that is not there has 0."""
    value = session.keys.get(session.db, key)
    total = integer(b"0" if value is None else value) + number
    if not -NEVER - 1 <= total <= NEVER:
        raise RespError("ERR increment or decrement would overflow")
    if value is None:
        session.keys.put(session.db, key, b"%d" % total)
    else:
        session.keys.change(session.db, key, b"%d" % total)
    return total


def expire(session: Session, key: bytes, seconds: bytes) -> Reply:
    """EXPIRE key seconds."""
    time = integer(seconds)
    if time <= 0:
        return int(session.keys.delete(session.db, key))
    return int(session.keys.expire(session.db, key, moment("expire", time, 1000)))


def ttl(session: Session, key: bytes) -> Reply:
    """TTL key: in seconds; -1 if it does not expire, -2 if it is not there."""
    expires = session.keys.expires(session.db, key)
    if expires is None:
        return -2
    return -1 if expires == NEVER else (expires - now() + 500) // 1000


def pattern(glob: bytes) -> re.Pattern[str]:
    """A pattern of Redis as an expression that no text keeps busy."""
    text = re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if found[1] in "*?[" else found[1], glob.decode("latin-1"))
    return re.compile(fnmatch.translate(text.replace("[^", "[!")))


def keys(session: Session, glob: bytes) -> Reply:
    """KEYS pattern."""
    found: list[bytes] = []
    matches = pattern(glob).match
    for key in every_key(session):
        if matches(key.decode("latin-1")):
            found.append(key)
            if len(found) > MOST_KEYS:
                raise RespError(f"ERR these are more than {MOST_KEYS} keys: use SCAN")
    return found


def every_key(session: Session) -> Iterator[bytes]:
    """All keys of a database."""
    place = 0
    while some := session.keys.scan(session.db, place, PORTION):
        place = some[-1][0]
        yield from (key for _, key in some)


def scan(session: Session, cursor: bytes, *options: bytes) -> Reply:
    """SCAN cursor [MATCH pattern] [COUNT count]."""
    given = dict(zip(map(bytes.upper, options[::2]), options[1::2], strict=False))
    count = integer(given.pop(b"COUNT", b"10"))
    matches = pattern(given.pop(b"MATCH", b"*")).match
    if len(options) % 2 or given or count < 1:
        raise RespError(SYNTAX)
    some = session.keys.scan(session.db, integer(cursor), min(count, PORTION))
    place = some[-1][0] if len(some) == min(count, PORTION) else 0
    return [b"%d" % place, [key for _, key in some if matches(key.decode("latin-1"))]]
