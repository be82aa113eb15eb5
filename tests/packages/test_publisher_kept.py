"""mod_python.publisher: a page that is kept from its first request on answers as at the first, whatever has changed."""

import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from httpd import Httpd

MPMS = ("event",)

SITE = '''
import gc
import sys


def index(req):
    return "index of " + req.filename.rpartition("/")[2]


def plain():
    return "no parameter"


def hello(req, name, size="1", *, colour="red"):
    return f"{name} {size} {colour}"


def positional(name, /, req):
    return f"{name} {req.method}"


def all_of(req, **fields):
    return repr(sorted(fields.items()))


def req_last(name="nobody", *, req):
    return f"{name} {req.method}"


def page():
    return "<html><body>page</body></html>  "


def typed(req):
    req.content_type = "text/x-own"
    return "<html></html>"


def number():
    return 42


def data():
    return b"<html></html>"


def view():
    return memoryview(bytearray(b"plain bytes"))


def pieces():
    yield "<html>"
    yield "</html>"


def again():
    return plain


async def later(req, name="nobody"):
    return "later " + name


def fields(req, name="x"):
    return f"{name} {req.form.getfirst('name')} {req.form.getfirst('empty', 'absent')!r}"


def broken(req, name):
    raise KeyError(name)


def lone():
    return "caf\\udce9"


class Shelf:
    def book(self, req, title="none"):
        return f"{title} {type(self).__name__}"

    def star(*self, size, req):
        return f"{len(self)} {size} {req.method}"


class Refusing(type):
    def __getattribute__(cls, name):
        if name == "__call__":
            raise RuntimeError("nobody may ask")
        return super().__getattribute__(name)


class Refused(metaclass=Refusing):
    def __str__(self):
        return "refused"


class Shop:
    shelf = Shelf()

    def __call__(self, req):
        return "the shop is called"


shop = Shop()
refused = Refused()


def own_write(req, name="nobody"):
    write = req.write
    req.write = lambda text, flush=True: write(text.upper(), flush)
    return f"hello {name} </html>"


def own_write_bytes(req):
    write = req.write
    req.write = lambda data, flush=True: write(b"<" + data + b">", flush)
    return b"data"


def blocks():
    gc.collect()
    return str(sys.getallocatedblocks())


def change(req, what):
    """Change the page at which the others look."""
    module = sys.modules[__name__]
    here = lambda name="default": "another " + name
    if what == "function":
        module.hello = here
    elif what == "code":
        hello.__code__ = here.__code__
        hello.__kwdefaults__ = None
    elif what == "defaults":
        hello.__defaults__ = ("nobody", "2")
    elif what == "keyword defaults":
        hello.__kwdefaults__ = {"colour": "blue"}
    elif what == "rule of the function":
        hello.__access__ = 0
    elif what == "rule of the module":
        module.__access__ = 0
    elif what == "getattr of the module":
        def getattr_(name):
            if name == "__access__":
                return 0
            raise AttributeError(name)
        module.__getattr__ = getattr_
    elif what == "gone":
        del module.hello
    elif what == "a text":
        module.hello = "now a text"
    elif what == "a class":
        module.hello = Shelf
    elif what == "an object":
        module.hello = shop
    elif what == "a method":
        module.hello = Shelf().book
    return "changed"
'''
CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
<Directory "${HTDOCS}">
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<LocationMatch "/wrapped/">
    PythonHandler wrapped_requests::published
</LocationMatch>
<Directory "${HTDOCS}/*/without_links">
    Options -FollowSymLinks
</Directory>
DirectorySlash Off
<LocationMatch "/renamed$">
    PythonFixupHandler renaming_for_publisher
</LocationMatch>
<LocationMatch "/few/">
    PythonOption mod_python.form.max_fields 2
</LocationMatch>
"""
# Paths, and what is answered there: status, media type and body.
TEXT, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
PAGES = {
    "/site": (200, TEXT, "index of site.py"),
    "/site/index": (200, TEXT, "index of site.py"),
    "/site.py/index": (200, TEXT, "index of site.py"),
    "/site/plain?name=Ada": (200, TEXT, "no parameter"),
    "/site/hello?name=Ada": (200, TEXT, "Ada 1 red"),
    "/site/hello?name=Ada&size=&colour=%e2%82%ac;other=1": (200, TEXT, "Ada  \u20ac"),
    "/site/hello?name=a&name=b&name=c+d": (200, TEXT, "['a', 'b', 'c d'] 1 red"),
    "/site/hello?req=evil&name=%00%ff": (200, TEXT, "\0\\xff 1 red"),
    "/site/hello?size=2": (400, None, None),
    "/site/positional?name=Ada&req=evil": (200, TEXT, "Ada GET"),
    "/site/all_of?b=2&a=1&a=3": (200, TEXT, "[('a', ['1', '3']), ('b', '2')]"),
    "/site/req_last?name=Ada&req=evil": (200, TEXT, "Ada GET"),
    "/site/page": (200, HTML, "<html><body>page</body></html>  "),
    "/site/typed": (200, "text/x-own", "<html></html>"),
    "/site/number": (200, TEXT, "42"),
    "/site/data": (200, "text/html", "<html></html>"),
    "/site/view": (200, "text/plain", "plain bytes"),
    "/site/pieces": (200, HTML, "<html></html>"),
    "/site/again": (200, TEXT, "no parameter"),
    "/site/later?name=Ada": (200, TEXT, "later Ada"),
    "/site/fields?name=Ada&empty=": (200, TEXT, "Ada Ada ''"),
    "/site/broken?name=Ada": (500, None, None),
    "/site/lone": (200, TEXT, "caf\\xe9"),
    "/site/shop/shelf/book?title=Emma": (200, TEXT, "Emma Shelf"),
    "/site/shop": (200, TEXT, "the shop is called"),
    "/site/shop/shelf/star?size=9": (200, TEXT, "1 9 GET"),
    "/site/shop/shelf/star": (400, None, None),
    "/site/refused": (200, TEXT, "refused"),
    "/site/own_write?name=Ada": (200, HTML, "HELLO ADA </HTML>"),
    "/site/own_write_bytes": (200, "text/plain", "<data>"),
    "/wrapped/site": (200, TEXT, "index of site.py"),
    "/wrapped/site/hello?name=Ada": (200, TEXT, "Ada 1 red"),
    "/wrapped/site/hello": (400, None, None),
    "/wrapped/site/page": (200, HTML, "<html><body>page</body></html>  "),
    "/wrapped/site/typed": (200, "text/x-own", "<html></html>"),
    "/wrapped/site/data": (200, "text/html", "<html></html>"),
    "/wrapped/site/pieces": (200, HTML, "<html></html>"),
    "/wrapped/site/later?name=Ada": (200, TEXT, "later Ada"),
    "/wrapped/site/_hidden": (403, None, None),
    "/site/Shelf": (403, None, None),
    "/site/_hidden": (403, None, None),
    "/site/nothing": (404, None, None),
    "/few/site/hello?name=Ada": (200, TEXT, "Ada 1 red"),
    "/few/site/hello?name=Ada&b=1&c=2": (414, None, None),
    "/site/hello?name=Ada" + "&x=1" * 60: (200, TEXT, "Ada 1 red"),
    "/site/hello?" + "x=1&" * 1100 + "name=Ada": (414, None, None),
}


CHANGES = {
    "function": (200, "another Ada"),
    "code": (200, "another Ada"),
    "defaults": (200, "Ada 2 red"),
    "keyword defaults": (200, "Ada 1 blue"),
    "rule of the function": (403, None),
    "rule of the module": (403, None),
    "getattr of the module": (403, None),
    "gone": (404, None),
    "a text": (200, "now a text"),
    "a class": (403, None),
    "an object": (200, "the shop is called"),
    "a method": (200, "none Shelf"),
}


@pytest.fixture
def site(httpd: Httpd, request: pytest.FixtureRequest) -> str:
    """The path of a module with the functions, which no other test uses."""
    name = "of_" + re.sub(r"\W+", "_", request.node.name).lower()
    httpd.write(f"{name}/site.py", SITE)
    httpd.write(f"{name}/few/site.py", SITE)
    httpd.write(f"{name}/wrapped/site.py", SITE)
    return f"/{name}"


@pytest.mark.parametrize("path", PAGES)
def test_each_request_is_answered_as_the_first(httpd: Httpd, site: str, path: str) -> None:
    status, kind, body = PAGES[path]
    httpd.allow("KeyError|Traceback|^  |handler" if status == 500 else "a path that no log has")
    for _ in range(4):
        response = httpd.get(site + path)
        assert response.status == status
        if body is not None:
            text = response.body.decode("utf-8", "backslashreplace")
            assert (response.headers["Content-Type"], text) == (kind, body)
            is_guessed = kind != "text/x-own"
            assert response.headers["X-Content-Type-Options"] == ("nosniff" if is_guessed else None)


@pytest.mark.parametrize("path", ["/site/hello?name=Ada", "/site/page"])
def test_other_methods_are_told_from_those_of_the_page(httpd: Httpd, site: str, path: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        page = httpd.get(site + path)
        head = httpd.request("HEAD", site + path)
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(page.body)))
        posted = httpd.request("POST", site + path, b"name=Bob&size=3", headers=form)
        assert posted.text == ("['Ada', 'Bob'] 3 red" if "name" in path else page.text)
        for folder in ("", "/wrapped"):
            put = httpd.request("PUT", site + folder + path, b"x")
            assert (put.status, "PUT" in put.headers["Allow"]) == (405, False)


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_program_changes_holds_at_once(httpd: Httpd, site: str, change: str) -> None:
    status, body = CHANGES[change]
    path = f"{site}/site/hello?name=Ada"
    for _ in range(3):
        assert httpd.get(path).text == "Ada 1 red"
    assert httpd.get(f"{site}/site/change?what={quote(change)}").text == "changed"
    for _ in range(3):
        response = httpd.get(path)
        assert response.status == status
        assert body is None or response.text == body


def test_a_file_that_is_gone_or_changed_is_noticed(httpd: Httpd, site: str) -> None:
    file = httpd.htdocs / site.strip("/") / "site.py"
    path = f"{site}/site/hello?name=Ada"
    for _ in range(3):
        assert httpd.get(path).text == "Ada 1 red"
    file.write_text("def hello(name, size='4'): return name + size\n")
    wait_until(lambda: httpd.get(path).text == "Ada4")
    file.rename(file.with_name("other.py"))
    wait_until(lambda: httpd.get(path).status == 404)
    assert httpd.get(path.replace("site/hello", "other/hello")).text == "Ada4"


def test_a_link_that_takes_the_place_of_a_file_is_not_followed(httpd: Httpd, site: str) -> None:
    httpd.allow("symbolic link not allowed by Options")
    folder = httpd.htdocs / site.strip("/") / "without_links"
    httpd.write(f"{site}/other/elsewhere.py".lstrip("/"), "def text(): return 'elsewhere'\n")
    for number in range(4):
        httpd.write(f"{site}/without_links/at{number}.py".lstrip("/"), "def text(): return 'here'\n")
        path = f"{site}/without_links/at{number}/text"
        begin = time.monotonic()
        while time.monotonic() < begin + 0.5:  # so that changes of the file are looked for
            assert httpd.get(path).text == "here"
        (folder / "link").symlink_to(folder.parent / "other/elsewhere.py")
        (folder / "link").replace(folder / f"at{number}.py")
        texts = []
        while (response := httpd.get(path)).status != 403:
            texts.append(response.text)
        assert set(texts) <= {"here"}


def test_a_folder_is_told_from_a_path_that_a_program_has_set(httpd: Httpd, site: str) -> None:
    renaming = "def fixuphandler(req):\n    req.filename = req.filename.replace('renamed', 'part')\n    return 0\n"
    httpd.handler("renaming_for_publisher.py", renaming)
    httpd.write(f"{site}/part/index.py".lstrip("/"), "def index(): return 'of the folder'\n")
    httpd.write(f"{site}/index.py".lstrip("/"), "def part(): return 'of the folder around it'\n")
    for _ in range(3):
        assert httpd.get(f"{site}/part").text == "of the folder"
        assert httpd.get(f"{site}/renamed").text == "of the folder around it"


def test_many_pages_are_not_kept_for_ever(httpd: Httpd, site: str) -> None:
    for number in range(1200):
        assert httpd.get(f"{site}/site/shop/shelf/book/?title={number}&x={number}").status == 200
        assert httpd.get(f"{site}/site/none{number}").status == 404
    assert httpd.get(f"{site}/site/plain").text == "no parameter"


@pytest.mark.parametrize("path", [path for path, (status, *_) in PAGES.items() if status == 200 and len(path) < 100])
def test_nothing_of_a_request_is_left(httpd: Httpd, site: str, path: str) -> None:
    line = f"GET {site}{path} HTTP/1.1\r\nHost: localhost\r\n".encode()
    requests = (line + b"\r\n") * 99 + line + b"Connection: close\r\n\r\n"
    count = [0]
    for _ in range(12):  # CPython fills lists of free objects first
        assert httpd.raw(requests).count(b"HTTP/1.1 200 ") == 100
        count.append(int(httpd.get(f"{site}/site/blocks").text))
        if count[-1] - count[-2] < 50:
            return
    raise AssertionError(count)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
