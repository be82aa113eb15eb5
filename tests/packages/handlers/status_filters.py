"""Filters that raise SERVER_RETURN, each at another point; a handler that reads a body, and one that writes one."""

from collections.abc import AsyncIterator

from mod_python import apache

LINES = [b"one\n", b"two\n", b"three\n"]


def ending(filter: apache.Filter) -> Exception:
    """What a filter raises: SERVER_RETURN with the numbers of the option or the query, ValueError without any."""
    numbers = [int(number) for number in filter.req.get_options().get("status", filter.req.args or "").split("+")]
    return apache.SERVER_RETURN(*numbers) if numbers != [0] else ValueError("no status")


def at_once(filter: apache.Filter) -> None:
    raise ending(filter)


def after_reading(filter: apache.Filter) -> None:
    filter.read()
    raise ending(filter)


def after_writing(filter: apache.Filter) -> None:
    filter.write(filter.read() or b"")
    raise ending(filter)


def after_flushing(filter: apache.Filter) -> None:
    filter.write(filter.read() or b"")
    filter.flush()
    raise ending(filter)


def after_closing(filter: apache.Filter) -> None:
    filter.write(filter.read() or b"")
    filter.close()
    raise ending(filter)


def at_the_end(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        raise ending(filter)


async def generator_at_once(filter: apache.Filter) -> AsyncIterator[bytes]:
    raise ending(filter)
    yield b""


async def generator_after_yield(filter: apache.Filter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk
        raise ending(filter)


async def generator_after_flush(filter: apache.Filter) -> AsyncIterator[object]:
    async for chunk in filter:
        yield chunk
        yield apache.FLUSH
        raise ending(filter)


async def generator_at_the_end(filter: apache.Filter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk
    raise ending(filter)


def reader(req: apache.Request) -> int:
    """Read the body; what that raises is the result."""
    body = req.read()
    req.write(body)
    return apache.OK


def writer(req: apache.Request) -> int:
    """Send three lines, each on its way before the next."""
    req.content_type = "text/plain"
    for line in LINES:
        req.write(line)
    return apache.OK
