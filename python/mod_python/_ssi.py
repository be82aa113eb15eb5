"""Server-side includes in Python: ``<!--#python eval="..." -->`` and ``<!--#python exec="..." -->``."""

import functools
from types import CodeType
from typing import Any, Literal

from mod_python import _apache


@functools.lru_cache(maxsize=1024)
def _compiled(code: str, page: str, kind: Literal["eval", "exec"]) -> CodeType:
    # Line numbers count from the first line of the element, so the name is not that of a file.
    return compile(code, f"<{kind} in {page}>", kind, dont_inherit=True)


def run(filter: "_apache.SSIElement", kind: Literal["eval", "exec"], code: str) -> None:
    """Run the code of an element, with the globals that the elements of a page share (``req.ssi_globals``).

    Args:
        filter: the object that the code sees as ``filter``, to write to.
        kind: "eval" for an expression, whose value is written; "exec" for statements.
        code: the source text.

    Raises:
        BaseException: whatever the code raises; SyntaxError if it cannot be compiled.
    """
    req: Any = filter.req
    names: dict[str, Any] | None = getattr(req, "ssi_globals", None)
    if names is None:
        names = req.ssi_globals = {}
    page = req.filename
    compiled = _compiled(code.replace("\r\n", "\n").rstrip(), str(page), kind)
    names["filter"], names["__file__"] = filter, page
    try:
        result = eval(compiled, names)  # eval() runs statements as well; their value is None
        if result is not None:
            filter.write(str(result))
    finally:
        names["filter"] = None
