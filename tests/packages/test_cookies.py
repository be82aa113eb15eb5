"""mod_python.Cookie over httpd: cookies that come with requests, and go with each kind of response."""

import http.cookiejar
import json
import urllib.request

import pytest

from httpd import Httpd
from mod_python import Cookie

CONF = """
SetHandler mod_python
PythonHandler call_by_path
"""
PAGES = "/call/cookie_pages"


def received(httpd: Httpd, *headers: str) -> dict[str, str]:
    """What get_cookies() has of a request with these Cookie headers."""
    lines = "".join(f"Cookie: {header}\r\n" for header in headers)
    answer = httpd.raw(f"GET {PAGES}/received HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200"), answer
    found: dict[str, str] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def test_a_header_is_read(httpd: Httpd) -> None:
    assert received(httpd) == {}
    assert received(httpd, "a=1; b=two words; c=") == {"a": "1", "b": "two words", "c": ""}
    assert received(httpd, 'a="1"; $Version=1; b=x=y==') == {"a": '"1"', "b": "x=y=="}
    assert received(httpd, "a=1; a=2;;alone; =none") == {"a": "2"}
    assert received(httpd, "a=1; Path=/; HttpOnly") == {"a": "1", "Path": "/"}
    assert received(httpd, "a=Grüße") == {"a": "Grüße"}


def test_w172_several_headers_are_read_as_one(httpd: Httpd) -> None:
    assert received(httpd, "a=1; b=2", "c=3; d=4", "e=5") == {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}


def test_w172_a_comma_in_a_value_stays(httpd: Httpd) -> None:
    assert received(httpd, "a=1,2, 3; b=4,c=5") == {"a": "1,2, 3", "b": "4,c=5"}
    assert received(httpd, "day=Wed, 09-Jun-2021 10:18:14 GMT", "b=2") == {
        "day": "Wed, 09-Jun-2021 10:18:14 GMT",
        "b": "2",
    }
    assert received(httpd, 'a="x, y=z"; b=2', "c=3") == {"a": '"x, y=z"', "b": "2", "c": "3"}


def test_w172_http_2_splits_cookies(httpd: Httpd) -> None:
    answer = httpd.curl("--http2", "-H", "Cookie: a=1", "-H", "Cookie: b=2", httpd.url(f"{PAGES}/received", tls=True))
    assert json.loads(answer.stdout) == {"a": "1", "b": "2"}, answer.stderr


def test_one_cookie_of_many(httpd: Httpd) -> None:
    assert httpd.get(f"{PAGES}/one", {"Cookie": "a=1; b=2"}).text == '"2"'
    assert httpd.get(f"{PAGES}/one", {"Cookie": "a=1"}).text == "null"


@pytest.mark.parametrize("kind", ["", "error", "exception", "redirect", "internal"])
def test_w173_cookies_go_with_each_response(httpd: Httpd, kind: str) -> None:
    if kind == "exception":
        httpd.expect("ValueError: after the cookies")
    answer = httpd.get(f"{PAGES}/send?{kind}")
    assert answer.status == {"error": 403, "exception": 500, "redirect": 302}.get(kind, 200)
    sent = answer.headers.get_all("Set-Cookie") or []
    assert [cookie.partition("=")[0] for cookie in sent] == ["plain", "n", "j"]
    assert answer.headers.get_all("Cache-Control") == ['no-cache="set-cookie"']


def test_w146_a_client_gives_signed_cookies_back(httpd: Httpd) -> None:
    jar = http.cookiejar.CookieJar()
    client = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    client.open(httpd.url(f"{PAGES}/send")).close()
    assert {cookie.name for cookie in jar} == {"plain", "n", "j"}
    assert json.loads(client.open(httpd.url(f"{PAGES}/verified")).read()) == [f"j='{JSON}'", "n='v'"]
    assert json.loads(client.open(httpd.url(f"{PAGES}/verified?json")).read()) == ["j={'a': [1, None]}"]


JSON = "eyJhIjpbMSxudWxsXX0"  # {"a":[1,null]}


def test_a_forged_cookie_is_refused(httpd: Httpd) -> None:
    signed = str(Cookie.SignedCookie("n", "v", "salt"))
    assert httpd.get(f"{PAGES}/checked", {"Cookie": signed}).text == json.dumps(f"<SignedCookie: {signed}>")
    for forged in ("n=v", f"{signed}x", str(Cookie.SignedCookie("n", "v", "pepper")), "n=é"):
        answer = httpd.get(f"{PAGES}/checked", {"Cookie": forged.encode().decode("latin-1")})
        assert answer.text == json.dumps("refused: the cookie n is not signed with this secret")


def test_each_attribute_is_sent(httpd: Httpd) -> None:
    answer = httpd.get(f"{PAGES}/attributes")
    second = "b=2; path=/call; expires=Sun, 06-Nov-1994 08:49:37 GMT"
    assert answer.headers.get_all("Set-Cookie") == [
        "a=1; version=1; path=/; domain=localhost.example; secure; comment=text; expires=Sun, 06 Nov 1994 08:49:37 GMT;"
        " Max-Age=60; samesite=Strict; commentURL=/c; discard; port=80; httponly",
        second,
    ]
    assert json.loads(answer.text) == f"<Cookie: {second}> b 2 Sun, 06-Nov-1994 08:49:37 GMT None {{}}"


def test_what_is_made_of_cookies_that_others_have_signed(httpd: Httpd) -> None:
    forged = str(Cookie.SignedCookie("n", "v", "pepper"))
    assert json.loads(httpd.get(f"{PAGES}/parsed", {"Cookie": f"a=1; {forged}"}).text) == {
        "names": "{'a': <Cookie: a=1>}",
        "DOWNGRADE": "Cookie",
        "IGNORE": "",
        "EXCEPTION": "the cookie n is not signed with this secret",
        "marshal": "MarshalCookie is refused, because marshal is not safe for what a client sends: use JsonCookie",
    }


def test_a_value_cannot_add_headers(httpd: Httpd) -> None:
    httpd.expect("CookieError: the cookie a would come back with another value")
    answer = httpd.get(f"{PAGES}/refused")
    assert (answer.status, answer.headers["Set-Cookie"]) == (500, None)
