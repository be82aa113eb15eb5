"""Task factories of applications that raise: no request waits for a task that does not run."""

from httpd import Httpd

MPMS = ("event",)
CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
PythonInterpreter main_interpreter
PythonApplication /site asgi factories
PythonApplication /other asgi factories:other
"""
FACTORIES = """
import asyncio

def once(loop, coroutine, **options):
    loop.set_task_factory(None)
    raise KeyError("no task")

def old(loop, coroutine):
    return asyncio.Task(coroutine, loop=loop)

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("none")
    factories = {b"once": once, b"old": old}
    if name := scope["query_string"]:
        asyncio.get_running_loop().set_task_factory(factories[name])
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})

async def other(scope, receive, send):
    await application(scope, receive, send)
"""


def test_a_request_without_a_task_is_a_500(httpd: Httpd) -> None:
    httpd.handler("factories.py", FACTORIES)
    assert httpd.get("/site/?once").text == "hello"
    httpd.expect("PythonApplication /site asgi factories .*failed", "KeyError: 'no task'")
    assert httpd.get("/site/").status == 500
    assert httpd.get("/site/").text == "hello"


def test_a_start_without_a_task_is_a_503(httpd: Httpd) -> None:
    httpd.handler("factories.py", FACTORIES)
    assert httpd.get("/site/?once").text == "hello"
    httpd.expect("factories:other could not start; requests get 503", "Traceback|  File|^ ", "KeyError: 'no task'")
    answer = httpd.get("/other/")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


def test_a_factory_that_knows_no_contexts(httpd: Httpd) -> None:
    httpd.handler("factories.py", FACTORIES)
    assert httpd.get("/site/?old").text == "hello"
    assert [httpd.get("/site/").text for _ in range(3)] == ["hello"] * 3
