"""A site in Starlette, for starlette.conf."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

STARTS: list[str] = []


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Make what all requests share, and end it with the child."""
    STARTS.append("started")
    yield {"starts": STARTS}


async def home(request: Request) -> Response:
    """Greet."""
    return PlainTextResponse(f"Hello from {request.url.path}\n")


async def started(request: Request) -> Response:
    """Say how often the lifespan has begun."""
    return PlainTextResponse("started once\n" if len(request.state.starts) == 1 else "started again\n")


async def events(_: Request) -> Response:
    """Send three events."""

    async def parts() -> AsyncIterator[str]:
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(parts(), media_type="text/event-stream")


application = Starlette(
    routes=[Route("/", home), Route("/started", started), Route("/events", events)], lifespan=lifespan
)
