"""The cookie with the id of a session."""

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from mod_python._cookies.cookie import Cookie
from mod_python._cookies.signed import SignedCookie
from mod_python._sessions.options import SessionOptions, module_setting

if TYPE_CHECKING:
    from mod_python import _apache

COOKIE_NAME = "pysid"
_SID = re.compile(r"[0-9a-f]{32}")
# What browsers leave as it is in the path of a URL (URL Standard, "path percent-encode set"), but for ";".
_IN_PATHS = "/:@!$&'()*+,=[]|"


def is_sid(text: object) -> bool:
    """Whether something can be the id of a session: 32 hexadecimal digits in lower case."""
    return isinstance(text, str) and _SID.fullmatch(text) is not None


def received_sid(req: "_apache.Request", options: SessionOptions, secret: str | bytes | None) -> str | None:
    """Return the id in the cookie of a request; None if it has none, or one that is not signed with the secret."""
    name = options.text("session.cookie_name", module_setting("COOKIE_NAME", COOKIE_NAME))
    header = "; ".join(req.headers_in.get_all("Cookie"))
    if secret:
        found = SignedCookie.parse(header, secret, Cookie.IGNORE, names=[name])
    else:
        found = Cookie.parse(header, names=[name])
    return found[name].value if name in found and is_sid(found[name].value) else None


def session_cookie(req: "_apache.Request", options: SessionOptions, secret: str | bytes | None, sid: str) -> Cookie:
    """Return the cookie for a session id: scripts cannot read it, other sites cannot send it along with a form.

    Over TLS it is only for TLS. PythonOption can say otherwise.
    """
    name = options.text("session.cookie_name", module_setting("COOKIE_NAME", COOKIE_NAME))
    cookie = SignedCookie(name, sid, secret) if secret else Cookie(name, sid)
    cookie.path = options.path("session.application_path") or _handler_path(req)
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
    # Browsers compare it with the path as they send it (RFC 6265, 5.1.4).
    return quote(path, safe=_IN_PATHS, errors="surrogateescape")
