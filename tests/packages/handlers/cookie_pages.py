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


def attributes(req: apache.Request) -> str:
    """Send cookies with all attributes, given to the class, to the function, and set later."""
    Cookie.add_cookie(
        req,
        "a",
        "1",
        version=1,
        path="/",
        domain="localhost.example",
        secure=True,
        comment="text",
        expires=784111777,
        max_age=60,
        samesite="Strict",
        commentURL="/c",
        discard=True,
        port="80",
        httponly=True,
    )
    cookie = Cookie.Cookie("b", "2", secure=False, httponly=False)
    cookie.expires = "Sun, 06-Nov-1994 08:49:37 GMT"
    cookie.path = "/call"
    Cookie.add_cookie(req, cookie)
    return f"{cookie!r} {cookie.name} {cookie.value} {cookie.expires} {cookie.domain} {cookie.__data__}"


def parsed(req: apache.Request) -> dict[str, str]:
    """What each class makes of the cookies of the client, of which `n` is signed with another secret."""
    header = req.headers_in["Cookie"]
    told = {"names": repr(Cookie.Cookie.parse(header, names=["a"]))}
    for name in ("DOWNGRADE", "IGNORE", "EXCEPTION"):
        try:
            found = Cookie.SignedCookie.parse(header, "salt", getattr(Cookie.Cookie, name), names=["n"])
            told[name] = ", ".join(type(one).__name__ for one in found.values())
        except Cookie.CookieError as error:
            told[name] = str(error)
    del req.headers_in["Cookie"]
    try:
        Cookie.get_cookies(req, Cookie.MarshalCookie, secret="salt")
    except Cookie.CookieError as error:
        told["marshal"] = str(error)
    return told


def refused(req: apache.Request) -> str:
    Cookie.add_cookie(req, "a", "1\r\nSet-Cookie: b=2")
    return "not refused"
