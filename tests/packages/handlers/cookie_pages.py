"""Pages that read and send cookies."""

from mod_python import Cookie, apache


def received(req: apache.Request) -> dict[str, str]:
    return {name: str(cookie.value) for name, cookie in Cookie.get_cookies(req).items()}


def one(req: apache.Request) -> str | None:
    cookie = Cookie.get_cookie(req, "b")
    return None if cookie is None else str(cookie.value)


def verified(req: apache.Request) -> list[str]:
    kind = Cookie.JsonCookie if req.args == "json" else Cookie.SignedCookie
    cookies = Cookie.get_cookies(req, kind, secret="salt", mismatch=Cookie.Cookie.IGNORE)
    return [f"{name}={cookie.value!r}" for name, cookie in cookies.items()]


def checked(req: apache.Request) -> str:
    try:
        return repr(Cookie.get_cookie(req, "n", Cookie.SignedCookie, secret="salt", mismatch=Cookie.Cookie.EXCEPTION))
    except Cookie.CookieError as error:
        return f"refused: {error}"


def send(req: apache.Request) -> int:
    Cookie.add_cookie(req, "plain", "1")
    Cookie.add_cookie(req, Cookie.SignedCookie("n", "v", "salt", path="/", httponly=True))
    Cookie.add_cookie(req, Cookie.JsonCookie("j", {"a": [1, None]}, "salt", max_age=60))
    if req.args == "error":
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    if req.args == "exception":
        raise ValueError("after the cookies")
    if req.args == "redirect":
        req.headers_out["Location"] = "/call/cookie_pages/received"
        return apache.HTTP_MOVED_TEMPORARILY
    if req.args == "internal":
        req.internal_redirect("/call/cookie_pages/received")
        return apache.OK
    req.write("sent")
    return apache.OK


def refused(req: apache.Request) -> str:
    Cookie.add_cookie(req, "a", "1\r\nSet-Cookie: b=2")
    return "not refused"
