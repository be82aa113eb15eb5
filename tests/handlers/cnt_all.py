import time

from mod_python import apache


async def upper(filter):
    async for chunk in filter:
        yield chunk.upper()


async def whole(filter):
    yield await filter.body()


def fails(filter):
    raise KeyError("counted")


def slow(filter):
    time.sleep(0.2)
    while chunk := filter.read():
        filter.write(chunk)


slower = slow


async def fast(filter):
    async for chunk in filter:
        yield chunk


def length(req):
    req.write(b"%d" % len(req.read()))
    return apache.OK


def late(req):
    raise KeyError("handler")


def wait(conn):
    conn.write(b"here\n")
    conn.readline()
    return apache.OK
