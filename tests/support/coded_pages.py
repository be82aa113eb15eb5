"""A proxied server whose pages are coded with gzip, and filters of tests/filters/handlers/coded_sources.py for them."""

import gzip
from collections.abc import Mapping

from httpd import Response

PAGE = b"<p>" + b"".join(b"%d page, " % number for number in range(2000)) + b"</p>"
"""The page of coded_sources, decoded."""
UPPER = PAGE.upper()
GZIP = {"Accept-Encoding": "gzip"}
MOD_DEFLATE = r"\[deflate:(error|warn)\]"
"""What mod_deflate says of a broken body."""
PYTHON_FILTERS = """
PythonOutputFilter coded_sources::plain_upper PLAIN encoding=decode
PythonOutputFilter coded_sources::plain_upper HTML encoding=decode types=text/html
PythonOutputFilter coded_sources::plain_upper CSS encoding=decode types=text/css
PythonOutputFilter coded_sources::plain_upper SET encoding=decode kind=content_set
PythonOutputFilter coded_sources::plain_upper ONE encoding=decode change=1:1
PythonOutputFilter coded_sources::plain_upper LIMITED encoding=decode decoded=100K
PythonOutputFilter coded_sources::plain_upper IDENTITY
PythonOutputFilter coded_sources::adds_tail TAIL encoding=decode
PythonOutputFilter coded_sources::same NO encoding=decode change=no
PythonOutputFilter coded_sources::steps_out OUT encoding=decode
PythonOutputFilter coded_sources::passes_on PASSES encoding=decode
PythonOutputFilter coded_sources::fails_first OPEN encoding=decode on_error=pass
PythonOutputFilter coded_sources::closes CLOSES encoding=decode
PythonOutputFilter coded_sources::ends_early EARLY encoding=decode
PythonOutputFilter coded_sources::same WHOLE encoding=decode change=no range=whole
PythonOutputFilter missing_module MISSING encoding=decode
"""
SECTIONS = {
    **{
        name: f"SetOutputFilter {name.upper()}"
        for name in "plain html css set one identity tail no out passes open closes early missing".split()
    },
    "two": "SetOutputFilter PLAIN;TAIL",
    "deflated": "SetOutputFilter DEFLATE;PLAIN",
    "by_type": "AddOutputFilterByType PLAIN text/html",
    "by_type_css": "AddOutputFilterByType PLAIN text/css",
    "both_by_type": "AddOutputFilterByType PLAIN;DEFLATE text/html",
    "mixed": "SetOutputFilter IDENTITY;TAIL",
    "wide": "SetOutputFilter PLAIN\nDeflateInflateRatioLimit 2000",
    "limited": "SetOutputFilter LIMITED\nDeflateInflateRatioLimit 2000",
}
"""What is declared under each path, for pages of /origin, and for /bomb and /slow below it."""
UPPERING = ["plain", "html", "set", "one", "by_type", "deflated", "both_by_type"]
"""The paths whose filter is to make upper-case of the pages."""


def conf(sections: Mapping[str, str] = SECTIONS, prefixes: tuple[str, ...] = ("",)) -> str:
    """Return the configuration of the server, of the one behind it, and of sections for its pages."""
    origins = {"origin": "handler", "bomb": "bomb", "slow": "slow"}
    blocks = [
        f"""
<Location "/{path}">
    SetHandler mod_python
    PythonHandler coded_sources::{function}
</Location>
"""
        for path, function in origins.items()
    ]
    for prefix in prefixes:
        for name, line in sections.items():
            below = {"": "origin", "/bomb": "bomb", "/slow": "slow"}
            blocks += [f'<Location "/{prefix}{name}">\n{line}\n</Location>\n']
            blocks += [
                f'<Location "/{prefix}{name}{path}">\nProxyPass http://127.0.0.1:${{PORT}}/{origin}\n</Location>\n'
                for path, origin in below.items()
            ]
    return PYTHON_FILTERS + "".join(blocks)


def plain(answer: Response) -> bytes:
    """Return the body as a client understands it, which accepts gzip or has got none."""
    coding = answer.headers["Content-Encoding"]
    assert coding in (None, "gzip")
    return gzip.decompress(answer.body) if coding else answer.body
