"""util.FieldStorage over httpd: forms as browsers and curl send them."""

import json
from pathlib import Path
from typing import Any

import pytest

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
<Location "/call/form_pages/form/small">
    PythonOption mod_python.form.max_fields 2
    PythonOption mod_python.form.max_files 1
    PythonOption mod_python.form.max_memory 1k
    PythonOption mod_python.form.max_file_size 2K
</Location>
<Location "/call/form_pages/form/boundless">
    PythonOption mod_python.form.max_fields -1
    PythonOption mod_python.form.max_files -1
    PythonOption mod_python.form.max_memory -1
</Location>
<Location "/call/form_pages/form/wrong">
    PythonOption mod_python.form.max_fields many
</Location>
<Location "/call/form_pages/form/length">
    LimitRequestBody 100
</Location>
<Location "/call/form_pages/where/none">
    PythonOption mod_python.form.spool_size 0
</Location>
"""
PAGES = "/call/form_pages"
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def text(name: str, value: str) -> list[Any]:
    """What the page shows of a text that is not in a multipart form."""
    return ["StringField", name, value, None, "text/plain"]


def curl(httpd: Httpd, page: str, *arguments: str | Path) -> Any:
    """What the page answers to curl, as JSON."""
    done = httpd.curl(*arguments, httpd.url(f"{PAGES}/{page}"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sent(httpd: Httpd, page: str, body: bytes, headers: dict[str, str] = URL_ENCODED, method: str = "POST") -> Any:
    """What the page answers to a body, as JSON."""
    answer = httpd.request(method, f"{PAGES}/{page}", body, headers)
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def multipart(*parts: bytes) -> bytes:
    """A body with the boundary b."""
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def test_a_query(httpd: Httpd) -> None:
    assert curl(httpd, "fields?a=1&b=Gr%C3%BC%C3%9Fe+an;c=x=y&a=2&empty=&alone&&=n") == [
        text("a", "1"),
        text("b", "Grüße an"),
        text("c", "x=y"),
        text("a", "2"),
        text("", "n"),
    ]
    assert curl(httpd, "form?a=&b") == [text("a", ""), text("b", "")]
    assert curl(httpd, "fields") == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_w149_a_url_encoded_body(httpd: Httpd, method: str) -> None:
    found = curl(httpd, "fields?a=0", "-X", method, "--data-urlencode", "a=Grüße & Küsse", "-d", "b=%41")
    assert found == [text("a", "0"), text("a", "Grüße & Küsse"), text("b", "A")]


def test_a_body_without_a_type_is_url_encoded(httpd: Httpd) -> None:
    assert sent(httpd, "fields", b"a=1", {}) == [text("a", "1")]
    assert sent(httpd, "fields", b"a=1", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}) == [
        text("a", "1")
    ]


def test_other_methods_have_no_form_in_the_body(httpd: Httpd) -> None:
    assert sent(httpd, "left?q=1", b"a=1", method="DELETE") == [["q"], "a=1"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("kind", ["application/json", "application/ld+json; charset=utf-8"])
def test_w149_json_is_left_to_the_program(httpd: Httpd, method: str, kind: str) -> None:
    assert sent(httpd, "left?q=1", b'{"a": 1}', {"Content-Type": kind}, method) == [["q"], '{"a": 1}']


def test_another_type_is_501_for_a_post(httpd: Httpd) -> None:
    assert httpd.request("POST", f"{PAGES}/left", b"text", {"Content-Type": "text/plain"}).status == 501
    assert sent(httpd, "left", b"text", {"Content-Type": "text/plain"}, "PUT") == [[], "text"]


def test_a_post_without_a_body_has_no_fields(httpd: Httpd) -> None:
    assert curl(httpd, "fields?a=1", "-X", "POST") == [text("a", "1")]
    assert sent(httpd, "fields", b"") == []
    assert sent(httpd, "fields", b"", MULTIPART) == []
    assert sent(httpd, "fields", b"--b--", MULTIPART) == []


def test_bytes_that_are_not_utf_8_are_kept(httpd: Httpd) -> None:
    assert sent(httpd, "raw?q=%E9", b"a=%FF%00&b=\xe4\xc3\xa4") == ["e9", "ff00", "e4c3a4"]
    assert sent(httpd, "raw", multipart(b'Content-Disposition: form-data; name="a"\r\n\r\n\xff'), MULTIPART) == ["ff"]


@pytest.mark.parametrize("transport", [(), ("-H", "Transfer-Encoding: chunked"), ("--http2",)])
def test_a_multipart_body(httpd: Httpd, tmp_path: Path, transport: tuple[str, ...]) -> None:
    file = tmp_path / "Grüße;.txt"
    file.write_bytes(bytes(range(256)) * 1000 + b"\r\n--")
    form = (
        "-F",
        "a=1",
        "-F",
        "näme=Grüße\r\n--",
        "-F",
        f'file=@"{file}";type=image/x-test',
        "-F",
        "a=2",
        "-F",
        "empty=",
    )
    tls = bool(transport) and transport[0] == "--http2"
    done = httpd.curl(*transport, *form, httpd.url(f"{PAGES}/fields?q=0", tls=tls))
    assert json.loads(done.stdout) == [
        text("q", "0"),
        text("a", "1"),
        text("näme", "Grüße\r\n--"),
        ["Field", "file", file.read_bytes().decode("latin-1"), "Grüße;.txt", "image/x-test"],
        text("a", "2"),
        text("empty", ""),
    ]


def test_what_comes_with_a_part(httpd: Httpd) -> None:
    part = (
        b'Content-Disposition: FORM-DATA; Name="a\\"b"; x=y; filename=""\r\n'
        b'content-TYPE: Text/HTML;\r\n\tcharset="utf-8"\r\nX-Own:  two \r\n\r\n<p>'
    )
    body = multipart(part, part.replace(b'filename=""', b"filename*=UTF-8''%C3%A4.txt"))
    headers = {"content-TYPE": 'Text/HTML;\tcharset="utf-8"', "X-Own": "two"}
    text_part, file_part = sent(httpd, "details", body, MULTIPART)
    options = {"name": 'a"b', "x": "y", "filename": ""}
    assert text_part[0] == ["text/html", {"charset": "utf-8"}, "form-data", options]
    assert {name: text_part[1][0][name] for name in headers} == headers
    assert [text_part[1][1], file_part[1][1]] == ["<p>", "<p>"]
    assert file_part[0][3]["filename"] == "ä.txt"
    assert sent(httpd, "fields", body, MULTIPART)[0] == ["StringField", 'a"b', "<p>", "", "text/html"]


def test_a_type_without_a_slash_is_bytes(httpd: Httpd) -> None:
    body = multipart(
        b'Content-Disposition: form-data; name=a; filename="C:\\dir\\f.txt"\r\nContent-Type: text\r\n\r\n1'
    )
    assert sent(httpd, "fields", body, MULTIPART) == [
        ["Field", "a", "1", "C:\\dir\\f.txt", "application/octet-stream"],
    ]


def test_what_stands_around_the_parts(httpd: Httpd) -> None:
    part = b'Content-Disposition: form-data; name="a"\r\n\r\n--b\r\r\n--\r\n'
    body = b"before\r\n" + b"--b \t\r\n" + part + b"\r\n--b--behind\r\n--b\r\nnothing"
    assert sent(httpd, "fields", body, MULTIPART) == [text("a", "--b\r\r\n--\r\n")]
    assert sent(httpd, "fields", body, {"Content-Type": 'multipart/mixed; x="a;b"; boundary="b"'}) == [
        text("a", "--b\r\r\n--\r\n")
    ]


def test_the_body_is_read_once(httpd: Httpd) -> None:
    assert sent(httpd, "twice?q=1", b"a=1") == [["q", "a"], ["q"]]
    body = multipart(b'Content-Disposition: form-data; name="a"\r\n\r\n1')
    assert sent(httpd, "twice?q=1", body, MULTIPART) == [["q", "a"], ["q"]]


def test_the_mapping(httpd: Httpd) -> None:
    assert curl(httpd, "mapping?a=1&b=2&b=3") == {
        "get": ["1", ["2", "3"], None, 1, "1"],
        "getfirst": ["2", None, 2],
        "getlist": [["1"], ["2", "3"], []],
        "names": [["a", "b"], ["a", "b"], 2, True, False, True, True],
        "items": [["a", "1"], ["b", "2"], ["b", "3"]],
        "missing": "'c'",
        "added": [["a", "1"], ["b", "2"], ["b", "3"], ["b", "é"], ["d", "5"]],
        "set": [["a", "StringField"], ["d", "StringField"], ["b", "StringField"], ["e", "Field"]],
        "deleted": ["d", "b", "e"],
        "cleared": [[], False],
    }


def test_callbacks_make_the_files(httpd: Httpd) -> None:
    fields, files, closed = curl(httpd, "callbacks", "-F", "a=1", "-F", "f=content;filename=own.txt")
    assert fields == [["StringField", "a", "1"], ["Field", "f", "content"]]
    assert files == ["own.txt", "text"]
    assert closed == [
        "own.txt.done",
        "text",
    ]  # as in mod_python 3, a field closes its file when it goes


def test_an_error_of_a_callback_is_no_malformed_form(httpd: Httpd) -> None:
    httpd.expect("ValueError: no place for own.txt")
    done = httpd.curl("-F", "f=content;filename=own.txt", "-w", "%{http_code}", httpd.url(f"{PAGES}/broken_callback"))
    assert done.stdout.endswith(b"500")


def test_a_large_file_is_on_the_disk(httpd: Httpd) -> None:
    files = ("-F", f"f={'x' * 65536};filename=a", "-F", f"f={'x' * 65537};filename=b")
    assert curl(httpd, "where", *files) == [False, True]
    assert curl(httpd, "where/none", *files) == [True, True]


@pytest.mark.parametrize(
    "form",
    [
        ("-d", "a=1&b=2&c=3&d=4"),
        ("-d", "a=" + "x" * 300),
        ("-F", "a=1", "-F", "b=2", "-F", "c=3", "-F", "d=4"),
        ("-F", "a=" + "x" * 300),
        ("-F", "a=1;headers=X: " + "x" * 300),
        ("-F", "f=12345678901;filename=a"),
        ("-F", "f=1;filename=a", "-F", "g=2;filename=b"),
    ],
)
def test_w149_limits_are_413(httpd: Httpd, form: tuple[str, ...]) -> None:
    page = httpd.url(f"{PAGES}/limited")
    assert httpd.curl("-o", "/dev/null", "-w", "%{http_code}", *form, page).stdout == b"413"


def test_a_form_at_its_limits(httpd: Httpd) -> None:
    assert curl(httpd, "limited?a=1", "-F", "b=" + "x" * 100, "-F", "f=1234567890;filename=a") == ["a", "b", "f"]
    assert httpd.get(f"{PAGES}/limited?a=1&b=2&c=3&d=4").status == 414


def test_w149_options_are_limits(httpd: Httpd) -> None:
    def status(*form: str) -> bytes:
        return httpd.curl("-o", "/dev/null", "-w", "%{http_code}", *form, httpd.url(f"{PAGES}/form/small")).stdout

    assert status("-F", f"a={'x' * 500}", "-F", f"f={'x' * 2048};filename=a") == b"200"
    assert status("-d", "a=1&b=2&c=3") == b"413"
    assert status("-d", f"a={'x' * 1023}") == b"413"
    assert status("-F", f"f={'x' * 2049};filename=a") == b"413"
    assert status("-F", "f=1;filename=a", "-F", "f=1;filename=b") == b"413"


def test_a_wrong_option_says_what_to_write(httpd: Httpd) -> None:
    httpd.expect("PythonOption mod_python.form.max_fields many: write a number, such as 500, 64K, 8M or 1G")
    assert httpd.get(f"{PAGES}/form/wrong").status == 500


def test_w149_the_limits_without_options(httpd: Httpd) -> None:
    assert httpd.request("POST", f"{PAGES}/left", b"&".join([b"a=1"] * 1000), URL_ENCODED).status == 200
    assert httpd.request("POST", f"{PAGES}/left", b"&".join([b"a=1"] * 1001), URL_ENCODED).status == 413
    assert httpd.request("POST", f"{PAGES}/left", b"a=" + b"x" * (8 << 20), URL_ENCODED).status == 413


def test_a_bound_of_minus_one_is_none(httpd: Httpd) -> None:
    page = f"{PAGES}/form/boundless"
    assert httpd.get(f"{page}?{'a=1&' * 1500}").status == 200
    assert httpd.request("POST", page, b"a=1&" * 2000 + b"a=" + b"x" * (9 << 20), URL_ENCODED).status == 200
    part = b'--X\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n1\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=X"}
    assert httpd.request("POST", page, part * 200 + b"--X--", form).status == 200


def test_httpd_s_limit_is_413(httpd: Httpd) -> None:
    httpd.allow("Request content-length of 102 is larger than the configured limit", "AH0158[78]|AH01587")
    assert httpd.request("POST", f"{PAGES}/form/length", b"a=" + b"x" * 100, URL_ENCODED).status == 413


def test_a_strict_form(httpd: Httpd) -> None:
    assert httpd.get(f"{PAGES}/strict?a=1").status == 200
    assert httpd.get(f"{PAGES}/strict?a=1&alone").status == 400
