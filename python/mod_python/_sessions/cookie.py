"""The cookie with the id of a session."""

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from mod_python._cookies.cookie import Cookie, selected
from mod_python._cookies.signed import SignedCookie
from mod_python._sessions.options import SessionOptions, module_setting
from mod_python.Cookie import add_cookie

if TYPE_CHECKING:
    from mod_python import _apache

COOKIE_NAME = "pysid"
# How `ended` has its header.
_END = "; expires=Thu, 01 Jan 1970 00:00:00 GMT"
_SID = re.compile(r"[0-9a-f]{32}")
# What browsers leave as it is in the path of a URL (URL Standard, "path percent-encode set"), but for ";".
_IN_PATHS = "/:@!$&'()*+,=[]|"


def is_sid(text: object) -> bool:
    """Whether something can be the id of a session: 32 hexadecimal digits in lower case."""
    return isinstance(text, str) and _SID.fullmatch(text) is not None


def received_sid(req: "_apache.Request", options: SessionOptions, secret: str | bytes | None) -> tuple[str, str | None]:
    """Return the id in the cookie of a request, and the header of the cookie that the response has already.

    That one counts in place of the request's: another object for the session of this request has begun it, or has given
    it a new id, or has ended it. Without an id, or one that is not signed with the secret, the id is empty.
    """
    name = options.text("session.cookie_name", module_setting("COOKIE_NAME", COOKIE_NAME))
    start = f"{name}="
    sent = next((one for one in reversed(_sent_cookies(req)) if one.startswith(start)), None)
    if sent is None:
        header = "; ".join(req.headers_in.get_all("Cookie"))
    else:
        header = "" if _END in sent else sent.partition(";")[0]
    # Of several cookies browsers send the one with the longest path first (RFC 6265, 5.4): that of this application,
    # where another one above it has one of the same name.
    for _, value in selected(header, (name,)):
        if secret:
            found = SignedCookie.parse(f"{name}={value}", secret, Cookie.IGNORE)
            value = found[name].value if name in found else ""
        if is_sid(value):
            return value, sent
    return "", sent


def send(req: "_apache.Request", cookie: Cookie, before: str | None) -> str:
    """Send a cookie, and return its header.

    If the response has the header `before`, it takes the place of that: a response has one cookie of a name (RFC 6265,
    4.1.1).
    """
    text, values = str(cookie), _sent_cookies(req)
    if before in values:
        headers = req.err_headers_out
        values[values.index(before)] = text
        del headers["Set-Cookie"]
        for value in values:
            headers.add("Set-Cookie", value)
    else:
        add_cookie(req, cookie)
    return text


def ended(cookie: Cookie) -> Cookie:
    """Return a cookie that ends the one in the browser."""
    cookie.expires = 0
    return cookie


def _sent_cookies(req: "_apache.Request") -> list[str]:
    return req.err_headers_out.get_all("Set-Cookie")


def session_cookie(req: "_apache.Request", options: SessionOptions, secret: str | bytes | None, sid: str) -> Cookie:
    """Return the cookie for a session id: scripts cannot read it, other sites cannot send it along with a form.

    Over TLS it is only for TLS. PythonOption can say otherwise.
    """
    name = options.text("session.cookie_name", module_setting("COOKIE_NAME", COOKIE_NAME))
    cookie = SignedCookie(name, sid, secret) if secret else Cookie(name, sid)
    # An option may be escaped already.
    cookie.path = _escaped(options.path("session.application_path"), "%") or _handler_path(req)
    cookie.domain = options.text("session.application_domain") or None
    cookie.httponly = options.flag("session.cookie_httponly", True)
    cookie.secure = options.flag("session.cookie_secure", bool(req.is_https()))
    same_site = options.text("session.cookie_samesite", "Lax")
    cookie.samesite = None if same_site.lower() == "off" else same_site
    return cookie


def _handler_path(req: "_apache.Request") -> str:
    """Return the path of the folder whose section has the handler, if the client's URL is in it; else ``/``."""
    folder = (req.hlist.directory if req.hlist is not None else None) or ""
    root = req.document_root().rstrip("/") + "/"
    path = folder[len(root) - 1 :] if folder.startswith(root) else ""
    if not path or ";" in path:
        return "/"
    asked = req
    while (prev := asked.prev) is not None:  # an internal redirection, as by a RewriteRule in .htaccess
        asked = prev
    if not asked.uri.startswith(path):
        return "/"
    return _escaped(path)


def _escaped(path: str, unescaped: str = "") -> str:
    """Return a path as browsers have it in a URL: they compare a cookie's with that (RFC 6265, 5.1.4)."""
    return quote(path, safe=_IN_PATHS + unescaped, errors="surrogateescape")
