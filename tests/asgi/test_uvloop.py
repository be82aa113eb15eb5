"""uvloop as the event loop of applications and of `apache.aio`: `PythonOption mod_python.event_loop uvloop`."""

from concurrent.futures import ThreadPoolExecutor

from packages import WithPackages

from httpd import Httpd

SERVER = WithPackages
MPMS = ("event",)
CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
PythonOption mod_python.event_loop uvloop
PythonInterpreter main_interpreter
PythonApplication /first asgi loops
PythonApplication /forks asgi loops:forks
PythonApplication /second asgi loops
<Location /second>
    PythonInterpreter second
</Location>
<Location /handler>
    SetHandler mod_python
    PythonHandler loops
</Location>
<Location /runs>
    SetHandler mod_python
    PythonHandler loops::runs
</Location>
<Location /whole>
    SetHandler mod_python
    PythonHandler loops::whole
</Location>
"""
LOOPS = """
import asyncio, os
from mod_python import apache

async def kind():
    await asyncio.sleep(0.001)
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]

async def answer(send, text):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": text.encode()})

async def application(scope, receive, send):
    assert scope["type"] == "http"
    await answer(send, await kind())

async def forks(scope, receive, send):
    assert scope["type"] == "http"
    try:
        if os.fork() == 0:
            os._exit(1)
    except RuntimeError as error:
        await answer(send, str(error))

async def handler(req):
    await req.write(await apache.aio(kind()))
    return apache.OK

@apache.aio
async def runs(req):
    try:
        program = await asyncio.create_subprocess_exec("echo", await kind(), stdout=asyncio.subprocess.PIPE)
    except RuntimeError as error:
        await req.write(str(error))
        return apache.OK
    out, _ = await program.communicate()
    await req.write(out + str(program.returncode).encode())
    return apache.OK

@apache.aio
async def whole(req):
    headers = req.headers_in
    kinds = await asyncio.gather(kind(), kind())
    await req.write(" ".join([*kinds, headers["Host"][:9], (await req.read()).decode(), req.method]))
    return apache.OK
"""


def test_uvloop_serves_one_interpreter_of_a_process(httpd: Httpd) -> None:
    httpd.handler("loops.py", LOOPS)
    assert httpd.get("/first/").text == "uvloop"
    assert httpd.get("/handler").text == "uvloop"
    for _ in range(5):
        assert httpd.request("POST", "/whole", b"body").text == "uvloop uvloop localhost body POST"
    for _ in range(2):
        assert httpd.get("/runs").text == "uvloop\n0"
    # A process of several interpreters refuses a fork before.
    assert "a task on uvloop's event loop" in httpd.get("/forks/").text
    httpd.expect("interpreter second has asyncio's own event loop, and not uvloop's: Interpreter change detected")
    assert httpd.get("/second/").text == "asyncio"
    assert "uvloop starts no programs in a process with several Python interpreters" in httpd.get("/runs").text


def test_requests_at_once(httpd: Httpd) -> None:
    httpd.handler("loops.py", LOOPS)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: httpd.get("/first/").text, range(80))) == {"uvloop"}
