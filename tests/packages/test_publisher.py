"""mod_python.publisher: which object a URL names, and what it is called with."""

import json
from pathlib import Path

import pytest

from httpd import Httpd, Response

MPMS = ("event", "worker", "prefork")
CONF = """
Alias "/pub" "${HANDLERS}"
<Directory "${HANDLERS}">
    Require all granted
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<Location "/pub/read_before/">
    PythonFixupHandler ${HANDLERS}/read_before.py
</Location>
"""
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _index(httpd: Httpd) -> None:
    httpd.handler(
        "index.py",
        "def index(req): return 'the index'\n"
        "def other(req): return 'other of the index'\n"
        "class More:\n"
        "    def text(self): return 'more of the index'\n"
        "more = More()\n",
    )


def get(httpd: Httpd, path: str) -> str:
    answer = httpd.get(f"/pub/{path}")
    assert answer.status == 200, answer.text
    return answer.text


def status(httpd: Httpd, path: str) -> int:
    answer = httpd.get(f"/pub/{path}")
    assert b"secret" not in answer.body
    return answer.status


def test_a_module_and_its_index(httpd: Httpd) -> None:
    for path in ("published", "published.py", "published/", "published.py/", "published/index", "published/index/"):
        assert get(httpd, path) == "index of published.py"


def test_a_folder_and_its_index(httpd: Httpd) -> None:
    for path in ("", "index", "index.py", "index/index"):
        assert get(httpd, path) == "the index"


def test_what_is_no_module_is_an_object_of_the_index(httpd: Httpd) -> None:
    assert get(httpd, "other") == get(httpd, "other.py") == get(httpd, "other/") == "other of the index"
    assert get(httpd, "more/text") == "more of the index"
    assert status(httpd, "nothing") == status(httpd, "nothing/at/all") == 404


def test_an_object_and_objects_in_it(httpd: Httpd) -> None:
    assert get(httpd, "published/shop") == get(httpd, "published/shop/") == "this is a shop"
    assert get(httpd, "published/shop/name") == "a shop"
    assert get(httpd, "published/shop/buy?what=tea") == "bought tea by GET"
    assert get(httpd, "published/shop/shelf/text") == "a shelf"
    assert get(httpd, "published/shop/shelf?title=Emma") == "Emma is on the shelf"
    assert get(httpd, "published/text") == "a text"
    assert get(httpd, "published/number") == "42"
    assert get(httpd, "published/nothing") == ""
    assert get(httpd, "published/callback") == "a lambda"
    assert get(httpd, "published/code").startswith("<code object hello")


def test_w160_what_must_not_be_seen_is_refused(httpd: Httpd) -> None:
    """Underscores, modules, classes, functions of builtins; what is inside of functions and methods."""
    for path in (
        *("_hidden", "__name__", "shop/_till", "shop/__class__", "shop/__init__/x", "hello/__globals__"),
        *("Shop", "Shop/name", "Abstract", "Abstract/secret", "shop/Inner", "shop/Inner/ONE", "shop/parts/inner"),
        *("module", "module/dumps", "json/dumps", "apache/OK", "builtin", "method_of_builtin", "text/upper"),
        *("hello/x", "shop/buy/x", "code/co_code", "generator/x"),
    ):
        assert status(httpd, f"published/{path}") == 403, path


@pytest.mark.parametrize(
    "name",
    "box_of_int boxes typed_boxes any_call union typed_union optional annotated new_type Kind special".split(),
)
def test_what_stands_for_a_class_is_refused(httpd: Httpd, name: str) -> None:
    for path in (name, f"{name}?what=x", f"{name}?x=secret", f"{name}/secret", f"{name}/__origin__", f"{name}/mro"):
        assert status(httpd, f"published/{path}") == 403, path
    assert get(httpd, "published/box/what") == "a box that is open"


def test_what_is_not_there_is_not_found(httpd: Httpd) -> None:
    for path in ("nowhere", "shop/nowhere", "shop/name/nowhere", "shop/shelf/nowhere/x", "shop/Name", "published"):
        assert status(httpd, f"published/{path}") == 404, path


def test_w125_only_slashes_separate_names(httpd: Httpd) -> None:
    assert status(httpd, "published/shop.name") == status(httpd, "published/shop.shelf.text") == 404
    assert get(httpd, "published/shop/a.b") == "one element with a dot"


def test_a_property_that_fails_is_a_500(httpd: Httpd) -> None:
    httpd.expect("PythonHandler mod_python.publisher.*LookupError: a property that fails")
    assert status(httpd, "published/shop/broken") == 500


def test_w120_w121_arguments_are_fields_of_the_form(httpd: Httpd) -> None:
    def post(path: str, body: str) -> Response:
        return httpd.request("POST", f"/pub/published/{path}", body.encode(), URL_ENCODED)

    for path, answer in {
        "hello": "hello nobody plainly",
        "hello?name=you": "hello you plainly",
        "hello?name=Gr%C3%BC%C3%9Fe&how=loud&other=dropped": "hello Grüße loud",
        "hello?name=a&name=b": "hello ['a', 'b'] plainly",
        "hello?req=evil": "hello nobody plainly",
        "without_arguments?a=1": "none were needed",
        "shop/buy?self=evil": "bought nothing by GET",
    }.items():
        assert get(httpd, f"published/{path}") == answer
        name, _, query = path.partition("?")
        assert post(name, query).text == answer.replace("GET", "POST")
    assert json.loads(post("needs", "name=%E2%82%AC").text) == "€"
    assert json.loads(get(httpd, "published/form?a=&b=1&a=2")) == [
        ["a", "b"],
        [["a", ""], ["b", "1"], ["a", "2"]],
    ]
    assert (
        status(httpd, "published/needs") == status(httpd, "published/needs?Name=1") == post("needs", "").status == 400
    )


def test_the_form_is_that_of_the_request(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/pub/published/form_once?a=1", b"b=2&c=", URL_ENCODED)
    assert answer.text == "True 1 ['a', 'b', 'c']"
    httpd.handler(
        "read_before.py",
        "def fixuphandler(req):\n    assert req.form()['b'] == '2'\n    return 0\n\n"
        "def shows(req, b): return f'{b} {len(req.form)}'\n",
    )
    assert httpd.request("POST", "/pub/read_before/shows", b"b=2", URL_ENCODED).text == "2 1"


def test_a_function_can_read_the_body_itself(httpd: Httpd) -> None:
    for kind in ({}, URL_ENCODED, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}):
        assert httpd.request("POST", "/pub/published/reads_itself?a=1", b'{"a": 1}', kind).text == "b'{\"a\": 1}'"
    assert httpd.request("POST", "/pub/published/needs", b"x", {"Content-Type": "text/plain"}).status == 501


def test_an_uploaded_file_is_a_field(httpd: Httpd, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    done = httpd.curl("-F", f"name=@{tmp_path}/letter.txt", httpd.url("/pub/published/needs"))
    assert json.loads(done.stdout) == "letter.txt"
    done = httpd.curl("-F", "name=Grüße", httpd.url("/pub/published/needs"))
    assert json.loads(done.stdout) == "Grüße"


def test_methods(httpd: Httpd) -> None:
    assert httpd.request("HEAD", "/pub/published/hello").status == 200
    for method in ("PUT", "DELETE", "OPTIONS", "PROPFIND", "FOO"):
        answer = httpd.request(method, "/pub/published/hello")
        assert answer.status == 405, method
        assert {*answer.headers["Allow"].split(",")} == {"GET", "HEAD", "POST", "TRACE"}
