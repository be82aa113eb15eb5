"""Cookies: read those of a request, and send some with the response (RFC 6265bis)."""  # noqa: N999 - mod_python's name

from typing import TYPE_CHECKING, Any

from mod_python._cookies.cookie import Cookie, CookieError
from mod_python._cookies.signed import JsonCookie, MarshalCookie, SignedCookie

if TYPE_CHECKING:
    from mod_python import _apache  # the classes can be used without httpd

__all__ = [
    "Cookie",
    "CookieError",
    "JsonCookie",
    "MarshalCookie",
    "SignedCookie",
    "add_cookie",
    "get_cookie",
    "get_cookies",
]


def add_cookie(req: "_apache.Request", cookie: Cookie | str, value: Any = "", **attrs: Any) -> None:
    """Send a cookie with the response, whatever its status: with error pages and redirections, too.

    With the first one comes ``Cache-Control: no-cache="set-cookie"``, so that caches do not give it to others.

    Args:
        req: the request.
        cookie: a cookie, or the name of one.
        value: the value, for a name.
        attrs: attributes of `Cookie`, for a name.

    Raises:
        AttributeError: a cookie has no such attribute.
        CookieError: browsers would drop the cookie, or read it as another one; the text says why.
        TypeError: attributes for a cookie that is made already.
    """
    if not isinstance(cookie, Cookie):
        cookie = Cookie(cookie, value, **attrs)
    elif value or attrs:
        raise TypeError("set the value and the attributes on the cookie itself")
    text = str(cookie)
    headers = req.err_headers_out  # httpd sends these with each response, those of headers_out with successful ones
    if "Set-Cookie" not in headers:
        headers.add("Cache-Control", 'no-cache="set-cookie"')
    headers.add("Set-Cookie", text)


def get_cookies(req: "_apache.Request", Class: type[Cookie] = Cookie, **kw: Any) -> dict[str, Cookie]:  # noqa: N803
    """Return the cookies of a request, a dict from names to cookies; an empty one if there are none.

    Args:
        req: the request.
        Class: `Cookie`, or a subclass that decodes what it encodes, such as `SignedCookie`.
        kw: arguments for ``Class.parse``, such as ``secret``.

    Raises:
        CookieError: as ``Class.parse``, whether the request has cookies or not.
    """
    return Class.parse("; ".join(req.headers_in.get_all("Cookie")), **kw)


def get_cookie(req: "_apache.Request", name: str, Class: type[Cookie] = Cookie, **kw: Any) -> Cookie | None:  # noqa: N803
    """Return the cookie of a name, or None. The arguments are those of `get_cookies`."""
    return get_cookies(req, Class, names=[name], **kw).get(name)
