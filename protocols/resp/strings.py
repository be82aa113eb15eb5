"""The commands about keys and their values, with the semantics and the error texts of Redis."""

from collections.abc import Callable

from .encoding import Reply, RespError
from .keys import NEVER, PORTION, now
from .patterns import pattern
from .session import Session, integer

MOST_KEYS = 100_000  # in a reply of KEYS
MOST_BYTES = 4 << 20  # in a reply of KEYS or MGET, which is in memory until the client has read it
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
            raise RespError(f"ERR the values have more than {MOST_BYTES} bytes: ask for fewer")
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
    """Return the Unix time in milliseconds that is `time` units of `unit` milliseconds from now."""
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
    """Add to the integer of a key; a missing key has 0."""
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
    """TTL key: seconds; -1 if the key does not expire, -2 if it does not exist."""
    expires = session.keys.expires(session.db, key)
    if expires is None:
        return -2
    return -1 if expires == NEVER else (expires - now() + 500) // 1000


def matcher(glob: bytes) -> Callable[[bytes], bool]:
    """Return a function that answers whether a key matches. Raise RespError if the pattern is too long."""
    try:
        return pattern(glob)
    except ValueError as error:
        raise RespError(f"ERR {error}") from None


async def keys(session: Session, glob: bytes) -> Reply:
    """KEYS pattern. It scans in several transactions; other connections may change keys between them."""
    matches = matcher(glob)
    found: list[bytes] = []
    place = size = 0
    while True:
        with session.keys.batch(writes=False):
            some, place = session.keys.scan(session.db, place)
        for key in filter(matches, some):
            found.append(key)
            size += len(key)
            if len(found) > MOST_KEYS or size > MOST_BYTES:
                raise RespError(f"ERR the reply has more than {MOST_KEYS} keys or {MOST_BYTES} bytes: use SCAN")
        if not place:
            return found
        await session.pause()


async def scan(session: Session, cursor: bytes, *options: bytes) -> Reply:
    """SCAN cursor [MATCH pattern] [COUNT count]. It returns fewer keys if they are long."""
    given = dict(zip(map(bytes.upper, options[::2]), options[1::2], strict=False))
    count = integer(given.pop(b"COUNT", b"10"))
    matches = matcher(given.pop(b"MATCH", b"*"))
    if len(options) % 2 or given or count < 1:
        raise RespError(SYNTAX)
    if len(cursor) > 19 or not cursor.isdigit():
        raise RespError("ERR invalid cursor")
    with session.keys.batch(writes=False):
        some, place = session.keys.scan(session.db, min(int(cursor), NEVER), min(count, PORTION))
    return [b"%d" % place, [key for key in some if matches(key)]]
