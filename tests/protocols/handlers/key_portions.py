"""What KEYS does between its looks at the file: a page that tells."""

import types
from collections.abc import Generator

from mod_python import apache
from mod_python.protocols.resp import strings
from mod_python.protocols.resp.keys import PORTION, Keys
from mod_python.protocols.resp.session import Session


@types.coroutine
def pause() -> Generator[None, None, None]:
    yield


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    keys = Keys(":memory:", 1 << 30)
    session = Session(keys, 1, pause)
    with keys.batch(writes=True):
        for number in range(3 * PORTION + 1):
            keys.put(number % 2, b"k%d" % number, b"")
    work = strings.keys(session, b"k*")
    pauses = others = 0
    try:
        while True:
            work.send(None)
            pauses += 1
            with keys.batch(writes=True):  # it would wait for ever if KEYS had the lock
                others += keys.delete(1, b"k1")
    except StopIteration as done:
        req.write(f"{pauses} pauses, {others} deletions, {len(done.value)} keys")
    return apache.OK
