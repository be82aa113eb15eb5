"""Tracebacks that name the lines of included files.

The code of a page is one code object, which has one file: the page. The lines of included files count on behind its
own, and are replaced by what they stand for when an exception leaves the page.
"""

import ast
import functools
from types import CodeType, FrameType, TracebackType

from mod_python._psp.generator import Generated

_HERE = "_psp_here"


class _HereError(Exception):
    pass


@functools.cache
def _raises() -> CodeType:
    """Return one line of code that raises, without columns, which are not those of a page."""
    tree = ast.parse(f"raise {_HERE}")
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr):
            node.col_offset = node.end_col_offset = -1
    code: CodeType = compile(tree, "", "exec", dont_inherit=True)
    return code


def name_included_files(error: BaseException, generated: Generated) -> None:
    """Change the traceback of an exception, and of those that it came from.

    Args:
        error: what the code of a page raises.
        generated: that code.
    """
    if len(generated.files) == 1:
        return
    seen: set[int] = set()
    found: list[BaseException | None] = [error]
    while found:
        one = found.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _renamed(one.__traceback__, generated)
        found += [one.__cause__, one.__context__]


def _renamed(tb: TracebackType | None, generated: Generated) -> TracebackType | None:
    entries = []
    while tb is not None:
        entries.append(tb)
        tb = tb.tb_next
    page = generated.files[0][1]
    for entry in reversed(entries):
        frame, lasti, line = entry.tb_frame, entry.tb_lasti, entry.tb_lineno
        if frame.f_code.co_filename == page.name and line > page.last_line():
            source, line = generated.place_of(line)
            frame, lasti = _frame(frame, source.name, line)
        tb = TracebackType(tb, frame, lasti, line)
    return tb


def _frame(frame: FrameType, path: str, line: int) -> tuple[FrameType, int]:
    """Return a frame that is in a line of a file, and the instruction there; the globals are those of `frame`."""
    name = frame.f_code.co_name
    code = _raises().replace(co_filename=path, co_name=name, co_qualname=name, co_firstlineno=line)
    try:
        exec(code, {**frame.f_globals, _HERE: _HereError}, {})
    except _HereError as here:
        tb = here.__traceback__
        assert tb is not None and tb.tb_next is not None
        return tb.tb_next.tb_frame, tb.tb_next.tb_lasti
    raise AssertionError("the code raises")
