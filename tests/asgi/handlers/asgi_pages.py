"""Applications of ASGI for tests: each page is a coroutine function with its name."""

import asyncio
import json
import os
import threading
from typing import Any

LOG: list[str] = []
STATE = {"started": 0}


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    name = scope["path"].removeprefix(scope["root_path"]).split("/")[1]
    await globals()[f"page_{name}"](scope, receive, send)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    STATE["started"] += 1
    scope["state"]["pid"] = os.getpid()
    scope["state"]["list"] = []
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    print("the lifespan shuts down")
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send: Any, body: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def whole(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request", message
        body += message["body"]
        if not message["more_body"]:
            return body


async def page_hello(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"Hello\n", 200, (b"content-type", b"text/plain"))


async def page_scope(scope: Any, receive: Any, send: Any) -> None:
    left_out = ("extensions", "state", "headers")
    shown: dict[str, Any] = {key: repr(value) for key, value in scope.items() if key not in left_out}
    shown["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    shown["types"] = sorted({type(one).__name__ for pair in scope["headers"] for one in pair})
    shown["extensions"] = sorted(scope["extensions"])
    shown["pid"], shown["started"] = scope["state"]["pid"], STATE["started"]
    await answer(send, json.dumps(shown).encode(), 200, (b"content-type", b"application/json"))


async def page_state(scope: Any, receive: Any, send: Any) -> None:
    scope["state"]["list"].append(1)
    scope["state"]["own"] = scope["state"].get("own", 0) + 1
    await answer(send, f"{len(scope['state']['list'])} {scope['state']['own']}".encode())


async def page_echo(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, await whole(receive))


async def page_count(scope: Any, receive: Any, send: Any) -> None:
    size = 0
    while True:
        message = await receive()
        size += len(message["body"])
        if not message["more_body"]:
            break
    await answer(send, str(size).encode())


async def page_both_ways(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        message = await receive()
        await send({"type": "http.response.body", "body": message["body"].upper(), "more_body": message["more_body"]})
        if not message["more_body"]:
            return


async def page_stream(scope: Any, receive: Any, send: Any) -> None:
    size, block = 0, b"x" * 65536
    wanted = int(scope["query_string"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while size < wanted:
        part = block[: wanted - size]
        size += len(part)
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def page_paced(scope: Any, receive: Any, send: Any) -> None:
    folder = scope["query_string"].decode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(3):
        await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        while not os.access(f"{folder}/{number}", os.R_OK):
            await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b"-end"})


async def page_status(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"a body", int(scope["query_string"]), (b"x-a", b"1"), (b"x-a", b"2"))


async def page_coded(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"plain", 200, (b"transfer-encoding", b"gzip, chunked"))


async def page_fails(scope: Any, receive: Any, send: Any) -> None:
    raise KeyError("before the start")


async def page_fails_late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
    raise KeyError("before the body")


async def page_cut(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await asyncio.sleep(0.05)
    raise KeyError("in the body")


async def page_silent(scope: Any, receive: Any, send: Any) -> None:
    pass


async def page_ends_early(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await asyncio.sleep(0.05)


WRONG: dict[str, list[Any]] = {
    "body_first": [{"type": "http.response.body", "body": b"x"}],
    "start_twice": [{"type": "http.response.start", "status": 200}] * 2,
    "unknown": [{"type": "http.response.start", "status": 200}, {"type": "http.response.end"}],
    "push": [{"type": "http.response.push"}],
    "interim": [{"type": "http.response.start", "status": 103}],
    "text_status": [{"type": "http.response.start", "status": "200"}],
    "text_header": [{"type": "http.response.start", "status": 200, "headers": [("x-a", "1")]}],
    "name": [{"type": "http.response.start", "status": 200, "headers": [(b"x a", b"1")]}],
    "value": [{"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1\r\nx-b: 2")]}],
    "length": [{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"-1")]}],
    "two_lengths": [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"1"), (b"content-length", b"2")],
        }
    ],
    "text_body": [{"type": "http.response.start", "status": 200}, {"type": "http.response.body", "body": "text"}],
    "longer": [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]},
        {"type": "http.response.body", "body": b"xy"},
    ],
    "shorter": [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]},
        {"type": "http.response.body", "body": b"xy"},
    ],
}


async def page_wrong(scope: Any, receive: Any, send: Any) -> None:
    "The page says what was raised; where it has begun already, the exception goes on."
    begun = False
    try:
        for message in WRONG[scope["query_string"].decode()]:
            await send(message)
            begun = True
    except Exception as error:
        if begun:
            raise
        await answer(send, f"{type(error).__name__}: {error}".encode())


async def page_after(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"done")
    print(f"then {await receive()}, and {await receive()}")
    try:
        await send({"type": "http.response.body", "body": b"more"})
    except RuntimeError as error:
        print(f"then {error}")
    await asyncio.sleep(0.05)
    raise KeyError("after the response")


async def page_twice(scope: Any, receive: Any, send: Any) -> None:
    body = await whole(receive)
    try:
        await asyncio.wait_for(receive(), 0.05)
    except TimeoutError:
        body += b" and nothing"
    await answer(send, body)


async def page_impatient(scope: Any, receive: Any, send: Any) -> None:
    try:
        await asyncio.wait_for(receive(), 0.2)
    except TimeoutError:
        await answer(send, b"impatient")


async def page_gone(scope: Any, receive: Any, send: Any) -> None:
    state = scope["query_string"].decode()
    if state != "unread":
        await whole(receive)
    print(f"waits {state}")
    if state == "writing":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        except OSError as error:
            print(f"gone {state}: {error}")
            raise
    message = await receive()
    while message["type"] == "http.request":
        message = await receive()
    print(f"gone {state}: {message}")


async def page_body_gone(scope: Any, receive: Any, send: Any) -> None:
    print("waits body")
    while (message := await receive())["type"] == "http.request":
        pass
    print(f"gone body: {message}")


async def page_req(scope: Any, receive: Any, send: Any) -> None:
    extension = scope["extensions"]["mod_python"]
    req, call = extension["req"], extension["call"]
    try:
        direct = str(req.method)
    except RuntimeError as error:
        direct = str(error)

    def look() -> str:
        req.headers_out["X-Thread"] = str(threading.current_thread() is threading.main_thread())
        return str(req.uri)

    try:
        await call(lambda: 1 / 0)
    except ZeroDivisionError:
        direct += ", raised"
    try:
        await call(next, iter(()))
    except RuntimeError as error:
        direct += f", {error.__cause__!r}"
    for ending in (SystemExit, KeyboardInterrupt):
        try:
            await call(raises, ending)
        except ending as error:
            direct += f", {error!r}"
    await answer(send, f"{await call(look)}: {direct}".encode())


def raises(kind: type[BaseException]) -> None:
    raise kind("of call")


async def page_log(scope: Any, receive: Any, send: Any) -> None:
    print("said on the loop")
    await asyncio.to_thread(print, "said in a thread")
    await answer(send, threading.current_thread().name.encode())


async def page_tasks(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0)
    names = [task.get_name() for task in asyncio.all_tasks()]
    threads = threading.active_count()
    await answer(send, json.dumps([len(names), threads]).encode())


async def page_slow(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    print("sends slowly")
    for _ in range(int(scope["query_string"])):
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b"part\n", "more_body": True})
    await send({"type": "http.response.body"})


async def page_wait(scope: Any, receive: Any, send: Any) -> None:
    print("waits sleeping")
    await asyncio.sleep(float(scope["query_string"]))
    await answer(send, b"waited")


class Site:
    @staticmethod
    async def inner(scope: Any, _receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "no lifespan"
        await answer(send, b"inner " + scope["path"].encode() + b" " + scope["root_path"].encode())

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answer(send, b"an object")


site = Site()


def create() -> Any:
    return Site()


async def page_path(scope: Any, receive: Any, send: Any) -> None:
    assert "http.response.pathsend" in scope["extensions"]
    path = scope["query_string"].decode()
    headers = []
    path, _, more = path.partition("+")
    if os.access(path, os.R_OK) and not path.startswith("/proc/"):  # the size of those is said to be 0
        headers = [(b"content-length", str(os.stat(path).st_size + int(more or 0)).encode())]  # noqa: PTH116
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.pathsend", "path": path})


async def page_hint(scope: Any, receive: Any, send: Any) -> None:
    if "http.response.early_hint" in scope["extensions"]:
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>; rel=preload"]})
    await answer(send, b"hinted", 200, (b"x-a", b"1"))


async def page_trailers(scope: Any, receive: Any, send: Any) -> None:
    can = "http.response.trailers" in scope["extensions"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"trailer", b"x-sum")], "trailers": can})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await send({"type": "http.response.body", "body": b" and end"})
    if can:
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"12")]})


async def page_tls(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, json.dumps(scope["extensions"].get("tls")).encode())
