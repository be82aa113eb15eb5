"""An event loop under applications of ASGI that is none of asyncio's own."""

from concurrent.futures import ThreadPoolExecutor

from httpd import Httpd

MPMS = ("event",)
CONF = "PythonApplication /polls asgi polls"
# A policy may give a loop that this module cannot look into, such as uvloop's.
POLLS = """
import asyncio, selectors

class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return asyncio.SelectorEventLoop(selectors.PollSelector())

asyncio.set_event_loop_policy(Policy())

async def application(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(0.01)
    name = type(asyncio.get_running_loop()._selector).__name__
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": name.encode()})
"""


def test_a_loop_of_another_kind_is_called(httpd: Httpd) -> None:
    httpd.handler("polls.py", POLLS)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpd.get("/polls/").text, range(40)))
    assert set(answers) == {"PollSelector"}
