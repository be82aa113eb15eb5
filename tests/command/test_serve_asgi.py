"""`mod_python serve app:app`: applications of ASGI, and how they are told from those of WSGI."""

import textwrap

import pytest

from command_place import Place, get

FUNCTION = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    print("asked for", scope["path"])
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"good morning\\n"})
"""
CLASS = f"""
class App:
    async def __call__(self, scope, receive, send):
        await serve(scope, receive, send)

serve = None
def create():
    return app
{FUNCTION.replace("async def app", "async def serve")}
app = App()
"""


@pytest.mark.parametrize("text", [FUNCTION, CLASS], ids=["function", "class"])
def test_an_application(place: Place, text: str) -> None:
    place.write("shop.py", text)
    program = place.start("serve", "shop:app", "--port", "0")
    url = program.wait_for(r"Serving shop:app at (http://\S+/);")[1]
    assert get(url + "hello") == (200, "good morning\n")
    program.wait_for(r"GET /hello ")
    assert "asked for /hello\n" in program.text
    program.type(b"\x03")
    assert program.end() == 0


TOLD = {
    "async def app(scope, receive, send): pass": "asgi",
    "def app(environ, start_response): pass": "wsgi",
    "from fastapi import FastAPI\napp = FastAPI()": "asgi",
    "import starlette.applications as s\napp = s.Starlette()": "asgi",
    "from django.core.asgi import get_asgi_application\napp = get_asgi_application()": "asgi",
    "from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()": "wsgi",
    "from flask import Flask\napp = Flask(__name__)": "wsgi",
    "from other import app": "wsgi",
}


@pytest.mark.parametrize("text", TOLD)
def test_the_interface_is_told_by_the_code(place: Place, text: str) -> None:
    place.write("shop.py", textwrap.dedent(text))
    shown = place.run("serve", "shop:app", "--print-config").stdout
    assert f"PythonApplication / {TOLD[text]} " in shown


def test_the_interface_is_said(place: Place) -> None:
    place.write("shop.py", "from other import app")
    for interface in ("asgi", "wsgi"):
        shown = place.run("serve", "shop:app", "--interface", interface, "--print-config").stdout
        assert f"PythonApplication / {interface} " in shown
