"""Processes that are forked on the event loop under applications of ASGI."""

from concurrent.futures import ThreadPoolExecutor

from httpd import Httpd

MPMS = ("event",)
CONF = """
PythonInterpreter main_interpreter
PythonApplication /forks asgi forks
"""
FORKS = """
import asyncio, os, time

async def application(scope, receive, send):
    assert scope["type"] == "http"
    text = "no child"
    if scope["query_string"]:
        pid = os.fork()
        if pid == 0:
            time.sleep(0.2)  # while others call the loop of the parent
            await asyncio.sleep(60)
        _, status = await asyncio.to_thread(os.waitpid, pid, 0)
        text = f"status {status}"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": text.encode()})
"""


def test_a_process_that_is_forked_on_the_loop_takes_no_calls_of_its_parent(httpd: Httpd) -> None:
    httpd.handler("forks.py", FORKS)
    assert httpd.get("/forks/").text == "no child"
    httpd.expect("a process that a task on asyncio's event loop has forked came back to the loop")
    with ThreadPoolExecutor(8) as pool:
        forked = pool.submit(lambda: httpd.get("/forks/?fork").text)
        others = list(pool.map(lambda _: httpd.get("/forks/").text, range(200)))
        assert forked.result() == "status 0"
    assert set(others) == {"no child"}
