"""A Starlette application with every class of response, for a comparison with uvicorn."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

FOLDER = os.environ["PAGES_FOLDER"]
DONE: list[str] = []


async def home(request: Request) -> Response:
    return PlainTextResponse(f"{request.method} {request.url.path} {request.query_params} {request.state.name}")


async def page(_: Request) -> Response:
    return HTMLResponse("<p>ä</p>", 201, {"X-One": "1"})


async def data(request: Request) -> Response:
    return JSONResponse({"a": [1, None, "é"], "q": dict(request.query_params)})


async def redirected(request: Request) -> Response:
    return RedirectResponse(request.app.url_path_for("home"), 303)


async def empty(_: Request) -> Response:
    return Response(status_code=204)


async def unchanged(_: Request) -> Response:
    return Response(status_code=304, headers={"ETag": '"x"'})


async def cookies(request: Request) -> Response:
    response = PlainTextResponse(repr(sorted(request.cookies.items())))
    response.set_cookie("a", "1", max_age=60, httponly=True)
    response.set_cookie("b", "two words", samesite="strict")
    response.delete_cookie("c")
    return response


async def streamed(_: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            yield f"{number}\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(parts(), media_type="text/plain")


async def streamed_by_threads(_: Request) -> Response:
    def parts() -> Iterator[bytes]:
        for number in range(200):
            yield b"%d\n" % number * 100

    return StreamingResponse(parts())


async def file(request: Request) -> Response:
    return FileResponse(f"{FOLDER}/digits.txt", filename=request.query_params.get("name"))


def synchronous(_: Request) -> Response:
    return PlainTextResponse("of a thread")


async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type=request.headers.get("content-type"))


async def parts_of_body(request: Request) -> Response:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return PlainTextResponse(str(size))


async def form(request: Request) -> Response:
    async with request.form() as form:
        shown: list[Any] = []
        for name, value in form.multi_items():
            shown.append([name, value if isinstance(value, str) else [value.filename, (await value.read()).decode()]])
    return JSONResponse(shown)


async def background(_: Request) -> Response:
    return PlainTextResponse("begun", background=BackgroundTask(work))


async def work() -> None:
    await asyncio.sleep(0.05)
    DONE.append("work")


async def done(_: Request) -> Response:
    return JSONResponse(DONE)


async def refused(_: Request) -> Response:
    raise HTTPException(418, "a teapot", {"X-Tea": "green"})


async def failing(_: Request) -> Response:
    raise KeyError("of the application")


async def headers(request: Request) -> Response:
    kept = [(name, value) for name, value in request.headers.items() if name not in ("host", "connection")]
    return JSONResponse(sorted(kept))


async def long_text(_: Request) -> Response:
    return PlainTextResponse("compressed " * 1000)


# Only here: with pathsend, the middleware leaves out a Vary that it sets without.
GZIP = [Middleware(GZipMiddleware, minimum_size=500)]


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"name": "of the lifespan"}


application = Starlette(
    routes=[
        Route("/", home, methods=["GET", "POST", "OPTIONS"], name="home"),
        Route("/page", page),
        Route("/data", data),
        Route("/redirected", redirected),
        Route("/empty", empty),
        Route("/unchanged", unchanged),
        Route("/cookies", cookies),
        Route("/streamed", streamed),
        Route("/streamed_by_threads", streamed_by_threads),
        Route("/file", file),
        Route("/synchronous", synchronous),
        Route("/echo", echo, methods=["POST", "PUT"]),
        Route("/parts_of_body", parts_of_body, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/background", background),
        Route("/done", done),
        Route("/refused", refused),
        Route("/failing", failing),
        Route("/headers", headers),
        Route("/long_text", long_text, middleware=GZIP),
        Route("/long_stream", streamed_by_threads, middleware=GZIP),
        Route("/with/{name}/{number:int}", home),
        Mount("/static", StaticFiles(directory=FOLDER, html=True)),
        Mount("/inner", routes=[Route("/page", page), Route("/home", home)]),
    ],
    middleware=[
        Middleware(CORSMiddleware, allow_origins=["https://a.example"], allow_methods=["GET"]),
    ],
    lifespan=lifespan,
)
