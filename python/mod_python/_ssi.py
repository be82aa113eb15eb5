"""Code in pages: ``<!--#python eval="..." -->`` and ``<!--#python exec="..." -->``."""

import functools
from types import CodeType
from typing import Any, Literal

from mod_python import _apache


@functools.lru_cache(maxsize=1024)
def _compiled(code: str, page: str, kind: Literal["eval", "exec"]) -> CodeType:
    # Lines count from the element's own first one, so no file is named where they could be looked up.
    return compile(code, f"<{kind} in {page}>", kind, dont_inherit=True)


def run(filter: "_apache.SSIElement", kind: Literal["eval", "exec"], code: str) -> None:
    """Run the code of an element, with the names that the elements of a page share (``req.ssi_globals``).

    Args:
        filter: what the code can write to, as ``filter``.
        kind: what the code is: an expression, whose value is written, or statements.
        code: its text.

    Raises:
        Whatever the code raises.
    """
    req: Any = filter.req
    names: dict[str, Any] | None = getattr(req, "ssi_globals", None)
    if names is None:
        names = req.ssi_globals = {}
    page = req.filename
    compiled = _compiled(code.replace("\r\n", "\n").rstrip(), str(page), kind)
    names["filter"], names["__file__"] = filter, page
    try:
        result = eval(compiled, names)  # of statements, too; their value is None
        if result is not None:
            filter.write(str(result))
    finally:
        names["filter"] = None
