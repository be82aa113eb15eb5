"""Filters, elements and handlers that write to the chain of filters that is calling them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from mod_python import apache

# What was kept from one call to the next, by name.
KEPT: dict[str, Any] = {}


def refusal(call: Callable[..., object], *arguments: object) -> str:
    """Return the name and the first words of what a call raises."""
    try:
        call(*arguments)
    except Exception as error:
        return f"{type(error).__name__} {str(error).split(' cannot ')[0]} {'filter.' in str(error)};"
    return "no error;"


def writes(req: Any) -> str:
    """Return what each method that sends something raises."""
    found = refusal(req.write, "x" * 100_000) + refusal(req.flush) + refusal(req.sendfile, __file__)
    return found + refusal(req.internal_redirect, "/plain.html")


def outputfilter(filter: Any) -> None:
    """Write into the response at each piece, as a plain function."""
    while (data := filter.read()) is not None:
        filter.write(data)
        if not data:
            return
        filter.write(writes(filter.req))
    filter.close()


async def streaming(filter: Any) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk
        yield writes(filter.req).encode()


def part(req: Any) -> int:
    """A part of a page: it writes to its main request."""
    req.content_type = "text/html"
    req.write(f"({writes(req.main)})")
    return apache.OK


def inputfilter(filter: Any) -> None:
    """Read the body through the filter that reads it."""
    req = filter.req
    if not hasattr(req, "refused"):
        calls = (req.read, req.readline, req.readlines, req.discard_request_body)
        req.refused = "".join(refusal(call) for call in calls)
    while data := filter.read():
        filter.write(data.upper())


def reads(req: Any) -> int:
    body = req.read()
    req.write(body + req.refused.encode())
    return apache.OK


def many(req: Any) -> int:
    """Thirty filters, each of which writes to the request."""
    for number in range(30):
        req.register_output_filter(f"N{number}", writes_once)
        req.add_output_filter(f"N{number}")
    req.content_type = "text/plain"
    req.write("body", flush=False)
    return apache.OK


def writes_once(filter: Any) -> None:
    found = refusal(filter.req.write, "again")
    while (data := filter.read()) is not None:
        filter.write(data)
        if not data:
            return
    filter.write(found[0])


def uses_the_element(filter: Any) -> None:
    """Behind mod_include: write to an element that is sending its page."""
    element = KEPT.get("element")
    while (data := filter.read()) is not None:
        filter.write(data)
        if not data:
            return
        if element is not None:
            filter.write(refusal(element.write, "x") + refusal(element.flush))
    filter.close()


def _uses_the_connection(filter: Any) -> bytes:
    conn = KEPT.get("conn")
    if conn is None:
        return b""
    found = refusal(conn.write, b"x") + refusal(conn.read, 1) + refusal(conn.readline)
    if (wait := KEPT.get("wait")) is not None:
        found += refusal(wait.__await__().__next__)
    return found.encode()


def connection_output(filter: Any) -> None:
    while data := filter.read():
        filter.write(data + _uses_the_connection(filter))


def connection_input(filter: Any) -> None:
    while data := filter.read():
        filter.write(_uses_the_connection(filter) + data)


def plain_connection(conn: Any) -> int:
    KEPT["conn"] = conn
    try:
        conn.write(b"<" + conn.readline() + b">")
    finally:
        KEPT.clear()
    return apache.OK


async def async_connection(conn: Any) -> int:
    KEPT["conn"] = conn
    KEPT["wait"] = conn.peek(1)
    try:
        await conn.write(b"<" + await conn.readline() + b">")
        await conn.close()
    finally:
        KEPT.clear()
    return apache.OK


def shared_bucket(req: Any) -> int:
    """Eight threads with one bucket: each call works or raises RuntimeError."""
    import threading

    path = req.filename
    errors: set[str] = set()

    def use() -> None:
        for _ in range(200):
            try:
                bucket.read()
                bucket.split(10_000)
                assert (bucket.path, bucket.offset, bucket.is_metadata) == (path, 0, False)
                assert bucket.length is not None
            except Exception as error:
                errors.add(f"{type(error).__name__}: {error}")

    for _ in range(5):
        bucket = apache.FileBucket(path)
        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    req.write("\n".join(sorted(errors)))
    return apache.OK
