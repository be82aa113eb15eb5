"""`mod_python serve app:app`: applications of WSGI."""

import re
import signal

import pytest

from command_place import Place, get, wait_for_body
from programs import kill

APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    print("asked for", environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/boom":
        raise KeyError("no kitten")
    return [b"good morning\\n"]

def create():
    return app
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_application(place: Place, number: signal.Signals) -> None:
    app = place.write("shop.py", APP)
    program = place.start("serve", "shop:app", "--port", "0")
    url = program.wait_for(r"Serving shop:app at (http://\S+/);")[1]
    assert get(url + "hello") == (200, "good morning\n")
    program.wait_for(r"\x1b\[32m200\x1b\[0m GET /hello ")
    assert "asked for /hello\n" in program.text
    assert get(url + "boom")[0] == 500
    program.wait_for(r'\n    raise KeyError\("no kitten"\)\nKeyError: ')
    app.write_text(APP.replace("morning", "evening"))
    wait_for_body(url, "good evening\n")
    kill(program.process.pid, number)
    assert program.end() == (-9 if number == signal.SIGKILL else 0)
    place.expect_nothing_left()


TARGETS = [
    "shop:create()",
    "shop.py",
    "pages.views:app",
    "pages/inner.py",
    "pages/outer.py",
    "src/door/site.py:app",
    "my [odd] shop/a:b.py",
]


@pytest.mark.parametrize("target", [*TARGETS, "door.site:app", "code:app"])
def test_other_names_of_an_application(place: Place, target: str) -> None:
    for name in ("shop.py", "pages/views.py", "src/door/site.py", "my [odd] shop/a:b.py", "code.py"):
        place.write(name, APP)
    place.write("pages/__init__.py", "")
    place.write("pages/inner.py", "from .views import app")
    place.write("pages/outer.py", "import views\nfrom pages.views import app\n")
    program = place.start("serve", target, "--port", "0")
    assert get(program.wait_for(r"Serving .* at (http://\S+/);")[1]) == (200, "good morning\n")
    program.type(b"\x03")
    assert program.end() == 0


def test_folders_of_pythonpath_are_those_of_httpd(place: Place) -> None:
    place.write("lib/door/site.py", APP)
    program = place.start("serve", "door.site:app", "--port", "0", env={"PYTHONPATH": f"lib:{place.env['PYTHONPATH']}"})
    assert get(program.wait_for(r"Serving .* at (http://\S+/);")[1]) == (200, "good morning\n")
    program.type(b"\x03")
    assert program.end() == 0


@pytest.mark.parametrize("target", ["kiosk.py", "kiosk:app", "kiosk.py:app", "test.py", "test:app", "door/kiosk.py"])
def test_a_file_is_served_whatever_else_has_its_name(place: Place, target: str) -> None:
    """Among installed packages, too; and modules beside it are found."""
    text = "from wares import GREETING\n" + APP.replace('b"good morning\\n"', "GREETING")
    for folder in ("", "door/"):
        place.write(f"{folder}wares.py", "GREETING = b'good evening'\n")
        for name in ("kiosk.py", "test.py"):
            place.write(folder + name, text)
    place.write("lib/kiosk/__init__.py", "")
    program = place.start("serve", target, "--port", "0", env={"PYTHONPATH": f"lib:{place.env['PYTHONPATH']}"})
    assert get(program.wait_for(r"Serving .* at (http://\S+/);")[1]) == (200, "good evening")
    program.type(b"\x03")
    assert program.end() == 0


def test_a_handler_is_served_whatever_else_has_its_name(place: Place) -> None:
    place.write("lib/kiosk.py", "")
    place.write("wares.py", "GREETING = 'good morning'\n")
    text = "import wares\ndef handler(req):\n    req.write(wares.GREETING)\n    return 0\n"
    kiosk = place.write("kiosk.py", text)
    program = place.start("serve", "kiosk.py", "--port", "0", env={"PYTHONPATH": f"lib:{place.env['PYTHONPATH']}"})
    url = program.wait_for(r"Serving .* at (http://\S+/);")[1]
    assert get(url) == (200, "good morning")
    kiosk.write_text(text.replace("wares.GREETING", "'good evening to all'"))
    wait_for_body(url, "good evening to all")
    program.type(b"\x03")
    assert program.end() == 0


@pytest.mark.parametrize(
    ("target", "wares"),
    [
        ("page.py", "wares.py"),
        ("page:app", "wares.py"),
        ("shop.door:app", "wares.py"),
        ("shop/door.py", "shop/wares.py"),
        ("shop/door.py:app", "shop/wares.py"),
    ],
)
def test_modules_of_the_folder_come_before_installed_ones(place: Place, target: str, wares: str) -> None:
    """As with `python page.py`, `gunicorn shop.door:app` and `uvicorn shop.door:app`: in packages, and late, too."""
    for name in ("page.py", "shop/door.py"):
        place.write(name, APP.replace('b"good morning\\n"', "__import__('wares').__file__.encode()"))
    place.write("shop/__init__.py", "")
    place.write("wares.py", "")
    place.write(wares, "")
    for name in ("wares", "shop", "shop.door"):
        place.write(f"lib/{name.replace('.', '/')}/__init__.py", "")
    program = place.start("serve", target, "--port", "0", env={"PYTHONPATH": f"lib:{place.env['PYTHONPATH']}"})
    found = get(program.wait_for(r"Serving .* at (http://\S+/);")[1])
    assert found == (200, str(place.folder / wares))
    program.type(b"\x03")
    assert program.end() == 0


def test_a_module_with_a_name_of_pythons_own_hides_nothing_of_that(place: Place) -> None:
    place.write("calendar.py", "raise LookupError('not this one')\n")
    place.write("kiosk.py", "import email.utils\n" + APP)
    program = place.start("serve", "kiosk.py", "--port", "0")
    assert get(program.wait_for(r"at (http://\S+/);")[1])[0] == 200
    program.type(b"\x03")
    assert program.end() == 0


@pytest.mark.parametrize("target", ["a.b.py", "a.b.py:app", "shop/a.b.py"])
def test_a_name_with_a_dot_is_served(place: Place, target: str) -> None:
    for folder in ("", "shop/"):
        place.write(f"{folder}a.b.py", "import wares\n" + APP)
        place.write(f"{folder}wares.py", "")
    program = place.start("serve", target, "--port", "0")
    assert get(program.wait_for(r"Serving .* at (http://\S+/);")[1]) == (200, "good morning\n")
    program.type(b"\x03")
    assert program.end() == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["shop:application"], "shop.py has no application: name the callable of the application, as in shop:app"),
        (["nowhere:app"], "there is no module nowhere in {folder}, nor among the packages of this Python"),
        (["shop:app", "--over", "."], "shop:app is an application of WSGI, which answers all requests: leave --over "
         "and --tcp out"),
        (["shop:app("], "shop:app( is not there: name a file with Python code, one of configuration (.conf), or "
         "module:callable"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(place: Place, words: list[str], sentence: str) -> None:
    place.write("shop.py", APP)
    done = place.run("serve", *words, "--port", "0")
    assert (done.returncode, done.stderr) == (1, f"mod_python: {sentence.format(folder=place.folder)}\n")


@pytest.mark.parametrize(
    ("target", "text", "sentence"),
    [
        ("shop:app", "app = 3\n", "shop:app is of the type int, and an application is something that can be called"),
        ("shop:app.wsgi", "def app(): pass\n", "the module shop has no app.wsgi: name the callable of the application, "
         "as in shop:app"),
        ("shop:create()", "def create():\n    raise KeyError('no shop')\n", "shop:create() made no application, as the "
         "traceback above says"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_one_sentence(place: Place, target: str, text: str, sentence: str) -> None:
    place.write("shop.py", text)
    done = place.run("serve", target, "--port", "0")
    assert (done.returncode, done.stderr) == (1, f"mod_python: {sentence}\n")
    if "KeyError" in text:
        assert re.fullmatch(
            r"error: shop:create\(\) failed\nTraceback .*\n  File \S+/shop\.py.*\n    raise .*\nKeyError: 'no shop'\n",
            done.stdout,
        ), done.stdout
