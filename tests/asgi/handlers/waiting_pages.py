"""An application whose pages wait before they answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def answer(send: Send, body: bytes, status: int = 200) -> None:
    """Send a whole response."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def application(scope: Any, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    """Wait as the query says, and answer as the path says."""
    assert scope["type"] == "http"
    if query := scope["query_string"].decode():
        print(f"waits {scope['path']} {query}")
        await asyncio.sleep(float(query))
    match scope["path"].rpartition("/")[2]:
        case "stream":
            await send({"type": "http.response.start", "status": 200})
            for _ in range(3):
                await send({"type": "http.response.body", "body": b"part ", "more_body": True})
                await asyncio.sleep(0.05)
            await send({"type": "http.response.body"})
        case "echo":
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message["body"], message["more_body"]
            await answer(send, body)
        case "blocks":
            print("the loop is blocked")
            time.sleep(3)
            await answer(send, b"unblocked")
        case "fails":
            raise KeyError("after the wait")
        case "gone":
            print(f"told {await receive()} {await receive()}")
        case "ticks":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"tick ", "more_body": True})
            await asyncio.sleep(1)
            await send({"type": "http.response.body", "body": b"tock"})
        case "endless":
            await send({"type": "http.response.start", "status": 200})
            try:
                while True:
                    await send({"type": "http.response.body", "body": b"x", "more_body": True})
                    await asyncio.sleep(0.05)
            except OSError as error:
                print(f"endless: {error}")
                raise
        case "call":
            extension = scope["extensions"]["mod_python"]
            req, call = extension["req"], extension["call"]
            method = await call(lambda: req.method)
            await asyncio.sleep(0.1)
            await answer(send, method.encode() + await call(req.read))
        case "large":
            await answer(send, b"y" * 20_000_000)
        case "made":
            await answer(send, b"made", 201)
        case _:
            await answer(send, b"waited")


def by_wsgi(_environ: object, start_response: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
    """Answer without a loop."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"by WSGI"]
