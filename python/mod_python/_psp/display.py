"""The view of a page beside the Python code that is made of it."""

import html
from itertools import zip_longest

from mod_python import apache

_HEAD = "<table>\n<tr><td></td><th>Python code</th><th>{name}</th></tr>\n"
_ROW = "<tr><td>{number}.</td><td><pre>{code}</pre></td><td><pre>{line}</pre></td></tr>\n"
# The note of a request whose page is to be shown as code.
_VIEW = "mod_python.psp.view"


def table(name: str, code: str, text: str) -> str:
    """Return a table of HTML: the lines of the code, and beside them those of the page.

    Args:
        name: the name of the page.
        code: the Python code.
        text: the text of the page.
    """
    lines = zip_longest(code.split("\n"), text.split("\n"), fillvalue="")
    rows = [
        _ROW.format(number=number, code=html.escape(one.rstrip("\r")), line=html.escape(other.rstrip("\r")))
        for number, (one, other) in enumerate(lines, 1)
    ]
    return _HEAD.format(name=html.escape(name)) + "".join(rows) + "</table>\n"


def redirect_to_view(req: apache.Request) -> None:
    """Have httpd serve the page whose name the request has with ``_`` behind it, for `is_view`.

    Raises:
        apache.SERVER_RETURN: 404 if that is no name of a page.
    """
    uri = req.uri.removesuffix(req.path_info or "")
    name = uri.rpartition("/")[2]
    if not name.endswith("_") or name == "_" or name.startswith("."):
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    from urllib.parse import quote  # takes long, and pages need it never

    req.notes[_VIEW] = "1"
    query = f"?{req.args}" if req.args else ""
    req.internal_redirect(quote(uri[:-1], errors="surrogateescape") + query)


def is_view(req: apache.Request) -> bool:
    """Return whether the request is what `redirect_to_view` has made of another one, and leads to that page."""
    prev = req.prev
    return prev is not None and _VIEW in prev.notes and prev.filename == f"{req.filename}_"
