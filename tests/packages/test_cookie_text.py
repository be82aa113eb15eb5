"""mod_python.Cookie: the text of a Set-Cookie header, its attributes, and signatures."""

import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

import mod_python.Cookie
from mod_python.Cookie import Cookie, CookieError, JsonCookie, MarshalCookie, SignedCookie

OLD = "f423c52549b4024f095575a4714f997d"  # HMAC-MD5 of "name" + "value" with the key "secret"


def test_w147_attributes_come_in_the_order_of_3_5() -> None:
    attributes: dict[str, Any] = {
        "partitioned": True,
        "httponly": True,
        "port": "80",
        "discard": True,
        "commentURL": "/c",
        "samesite": "lax",
        "max_age": "60",
        "expires": 784111777,
        "comment": "c",
        "secure": True,
        "domain": "a.b",
        "path": "/p",
        "version": 1,
    }
    cookie = Cookie("n", "v", **attributes)
    assert str(cookie) == (
        "n=v; version=1; path=/p; domain=a.b; secure; comment=c; expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=60; "
        "samesite=Lax; commentURL=/c; discard; port=80; httponly; partitioned"
    )
    assert repr(cookie) == f"<Cookie: {cookie}>"


def test_w147_false_and_none_are_left_out() -> None:
    cookie = Cookie("n", "v", secure=False, httponly=0, path=None, domain=False, max_age=0, discard=None)
    assert str(cookie) == "n=v; Max-Age=0"


def test_keywords_in_any_case() -> None:
    assert str(Cookie("n", "v", Path="/", COMMENTURL="/c", HttpOnly=True)) == "n=v; path=/; commentURL=/c; httponly"


def test_there_are_no_other_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'maxage'; it has version, path"):
        Cookie("n", "v", maxage=3)
    with pytest.raises(AttributeError):
        Cookie("n", "v").maxage = 3  # type: ignore[attr-defined]
    assert Cookie("n", "v").__data__ == {}


def test_dates() -> None:
    for text in ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT"):
        assert str(Cookie("n", "v", expires=text)) == f"n=v; expires={text}"
    cookie = Cookie("n", "v", expires=0)
    assert cookie.expires == "Thu, 01 Jan 1970 00:00:00 GMT"
    cookie.expires = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert cookie.expires == "Sun, 06 Nov 1994 08:49:37 GMT"
    cookie.expires = None
    assert str(cookie) == "n=v"
    wrong: Any
    for wrong in ("tomorrow", "Sun, 06 Nov-1994 08:49:37 GMT", "", datetime(1994, 11, 6)):
        with pytest.raises(ValueError, match="expires: "):
            cookie.expires = wrong


@pytest.mark.parametrize(
    ("name", "value", "attrs", "why"),
    [
        ("a b", "1", {}, "no name for a cookie"),
        ("", "1", {}, "no name for a cookie"),
        ("a=", "1", {}, "no name for a cookie"),
        ("$a", "1", {}, "another value"),
        ("a", "1; b=2", {}, "another value"),
        ("a", "1, b=2", {}, "another value"),
        ("a", "1\nb", {}, "another value"),
        ("a", " 1", {}, "another value"),
        ("a", "x" * 4096, {}, "has 4097 bytes"),
        ("a", "1", {"path": "/;domain=b"}, "path of the cookie a has a ';'"),
        ("a", "1", {"domain": "b\r\nX: y"}, "domain of the cookie a has"),
        ("a", "1", {"max_age": "soon"}, "no number of seconds"),
        ("a", "1", {"samesite": "sometimes"}, "Strict, Lax or None, not 'sometimes'"),
        ("a", "1", {"samesite": "None"}, "needs secure=True"),
        ("a", "1", {"partitioned": True}, "needs secure=True"),
        ("__Secure-a", "1", {}, "needs secure=True"),
        ("__host-a", "1", {"path": "/"}, "needs secure=True"),
        ("__Host-a", "1", {"secure": True}, "needs path='/'"),
        ("__Host-a", "1", {"secure": True, "path": "/", "domain": "b.c"}, "no domain"),
    ],
)
def test_what_browsers_would_drop_is_refused(name: str, value: str, attrs: dict[str, Any], why: str) -> None:
    with pytest.raises(CookieError, match=why):
        str(Cookie(name, value, **attrs))


def test_what_browsers_take_is_not_refused() -> None:
    assert str(Cookie("__Host-a", "1", secure=True, path="/")) == "__Host-a=1; path=/; secure"
    assert str(Cookie("__Secure-a", "1", secure=True)) == "__Secure-a=1; secure"
    assert str(Cookie("a", "1", secure=True, samesite="none")) == "a=1; secure; samesite=None"
    assert str(Cookie("a", 'two words, "quoted"')) == 'a=two words, "quoted"'
    assert len(str(Cookie("a", "x" * 4095))) == 4097


def test_parse() -> None:
    cookies = Cookie.parse("a=1; b=2; c=3", names=["a", "c", "d"])
    assert [(name, type(cookie), cookie.value) for name, cookie in cookies.items()] == [
        ("a", Cookie, "1"),
        ("c", Cookie, "3"),
    ]
    assert Cookie.parse("") == {}


def test_parsing_is_linear() -> None:
    for header in ('a="x, b=' * 30_000, ", a=" * 50_000, "=" * 200_000, ";" * 200_000, '"' * 200_000):
        assert len(Cookie.parse(header)) <= 2


def test_w146_a_signature_is_hmac_sha_256() -> None:
    signature = hmac.new(b"secret", b"name=value", "sha256").hexdigest()
    assert str(SignedCookie("name", "value", "secret", path="/")) == f"name={signature}value; path=/"
    assert str(SignedCookie("name", "value", b"secret")) == f"name={signature}value"
    found = SignedCookie.parse(f"name={signature}value", "secret")["name"]
    assert (type(found), found.value) == (SignedCookie, "value")
    assert str(found) == f"name={signature}value"


def test_what_becomes_of_another_signature() -> None:
    sent = str(SignedCookie("name", "value", "other"))
    found = SignedCookie.parse(sent, "secret")["name"]
    assert (type(found), f"name={found.value}") == (Cookie, sent)
    assert (Cookie.DOWNGRADE, Cookie.IGNORE, Cookie.EXCEPTION) == (0, 1, 3)
    assert SignedCookie.parse(sent, "secret", Cookie.IGNORE) == {}
    with pytest.raises(CookieError, match="the cookie name is not signed"):
        SignedCookie.parse(sent, "secret", mismatch=Cookie.EXCEPTION)


def test_a_value_cannot_move_to_another_name() -> None:
    signed = str(SignedCookie("ab", "c", "secret")).removeprefix("ab=").removesuffix("c")
    assert SignedCookie.parse(f"a={signed}bc", "secret", Cookie.IGNORE) == {}


def test_w146_the_md5_of_3_5_is_read_when_asked_for() -> None:
    assert SignedCookie.parse(f"name={OLD}value", "secret", Cookie.IGNORE) == {}
    found = SignedCookie.parse(f"name={OLD}value", "secret", Cookie.IGNORE, allow_md5=True)["name"]
    assert (type(found), found.value) == (SignedCookie, "value")
    assert OLD not in str(found)  # it is sent with the new signature
    assert SignedCookie.parse(f"name={OLD}values", "secret", Cookie.IGNORE, allow_md5=True) == {}


def test_a_secret_is_needed() -> None:
    for kind in (SignedCookie, JsonCookie):
        with pytest.raises(CookieError, match="needs a secret"):
            kind("n", "v")
        with pytest.raises(CookieError, match="needs the secret"):
            kind.parse("n=v")


@pytest.mark.parametrize("value", [None, True, 1.5, "Grüße; a=b", [1, [2]], {"a": {"b": []}}])
def test_json(value: Any) -> None:
    sent = str(JsonCookie("n", value, "secret"))
    found = JsonCookie.parse(sent, "secret", Cookie.EXCEPTION)["n"]
    assert (type(found), found.value) == (JsonCookie, value)


def test_json_takes_no_cookie_of_another_class() -> None:
    for value in ("value", "e", "!", "AAAA"):
        sent = str(SignedCookie("n", value, "secret"))
        assert JsonCookie.parse(sent, "secret", Cookie.IGNORE) == {}
        assert type(JsonCookie.parse(sent, "secret")["n"]) is Cookie
    with pytest.raises(TypeError):
        str(JsonCookie("n", {1, 2}, "secret"))


def test_w146_marshal_is_refused() -> None:
    with pytest.raises(CookieError, match="use JsonCookie"):
        MarshalCookie("n", [1], "secret")
    with pytest.raises(CookieError, match="use JsonCookie"):
        MarshalCookie.parse("n=v", "secret")


def test_the_names_of_the_module() -> None:
    assert set(mod_python.Cookie.__all__) == {
        *("Cookie", "CookieError", "JsonCookie", "MarshalCookie", "SignedCookie"),
        *("add_cookie", "get_cookie", "get_cookies"),
    }
