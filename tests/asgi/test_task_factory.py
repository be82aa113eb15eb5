"""Task factories of applications: no request waits for a task that does not run, or is kept by one that is over."""

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
<Location /kept>
    SetHandler mod_python
    PythonHandler factories::kept
</Location>
"""
FACTORIES = """
import asyncio
from mod_python import _aio, apache

def once(loop, coroutine, **options):
    loop.set_task_factory(None)
    raise KeyError("no task")

def old(loop, coroutine):
    return asyncio.Task(coroutine, loop=loop)

def at_once(loop, coroutine):
    "As asyncio.eager_task_factory, for a coroutine that does not wait."
    done = loop.create_future()
    try:
        coroutine.send(None)
    except StopIteration:
        done.set_result(None)
    return done

@apache.aio
async def kept(req):
    await req.write(str(len(_aio._current.waiting)))
    return apache.OK

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("none")
    factories = {b"once": once, b"old": old, b"none": None}
    factories[b"eager"] = getattr(asyncio, "eager_task_factory", at_once)
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


def test_a_factory_whose_tasks_are_over_when_they_are_made(httpd: Httpd) -> None:
    httpd.handler("factories.py", FACTORIES)
    assert httpd.get("/site/?eager").text == "hello"
    assert [httpd.get("/site/").text for _ in range(3)] == ["hello"] * 3
    assert len({httpd.get("/kept").text for _ in range(3)}) == 1
    assert httpd.get("/site/?none").text == "hello"
