"""Forms, queries and redirections, under the names of mod_python 3."""

from typing import NoReturn
from urllib.parse import quote

from mod_python import apache
from mod_python._forms.arguments import apply_fs_data
from mod_python._forms.fields import Field, FieldList, StringField
from mod_python._forms.header_value import parse_header
from mod_python._forms.limits import FormLimits
from mod_python._forms.multipart import PORTION
from mod_python._forms.query import parse_qs, parse_qsl
from mod_python._forms.storage import FieldStorage

__all__ = [
    "Field",
    "FieldList",
    "FieldStorage",
    "FormLimits",
    "StringField",
    "apply_fs_data",
    "parse_header",
    "parse_qs",
    "parse_qsl",
    "readBlockSize",
    "redirect",
]

readBlockSize = PORTION  # noqa: N816 - mod_python's name for how many bytes of a body are read at a time

_STATUSES = frozenset({301, 302, 303, 307, 308})
# RFC 3986: what a URI may have, with "%" for what is escaped already.
_IN_URIS = ":/?#[]@!$&'()*+,;=%-._~"


def redirect(
    req: apache.Request,
    location: str,
    permanent: bool | int = False,
    text: str | None = None,
    *,
    status: int | None = None,
) -> NoReturn:
    """Send the client to another URL, and end the handler.

    Args:
        req: the request.
        location: the URL, or the path of one. Characters that a URL cannot have are escaped; ``%`` is not.
        permanent: whether the status is 301, for ever, in place of 302.
        text: a body in place of the usual line of HTML with a link.
        status: 301, 302, 303 (after a form: the client asks by GET), 307 or 308 (302 and 301 with the same method and
            body).

    Raises:
        apache.SERVER_RETURN: always; let it pass.
        OSError: a part of the response was sent already.
        TypeError: `location` is not a str.
        ValueError: another status.
    """
    if not isinstance(location, str):
        raise TypeError(f"a location is a str, not {type(location).__name__}")
    if status is None:
        status = apache.HTTP_MOVED_PERMANENTLY if permanent else apache.HTTP_MOVED_TEMPORARILY
    if status not in _STATUSES:
        raise ValueError(f"{status} is no status of redirect(): it can be 301, 302, 303, 307 or 308")
    if req.sent_bodyct:
        raise OSError("redirect() comes too late: a part of the response was sent already")
    location = quote(location, safe=_IN_URIS, errors="surrogateescape")
    req.err_headers_out["Location"] = location
    req.status = status
    if text is None:
        if not req._content_type_set:
            req.content_type = "text/html; charset=utf-8"
        text = f'<p>The document has moved <a href="{apache.escape(location)}">here</a>.</p>\n'
    req.write(text, False)
    raise apache.SERVER_RETURN(apache.DONE)
