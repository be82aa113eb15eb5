"""Python code that writes a page.

Text becomes ``req.write()`` with a literal, and code stands as it is, in the lines that it has in the page. The last
line of a block of code says how far the text behind it is indented; behind a colon at its end it is indented further,
by a tab. These are the rules of mod_python 3.5, and what it refused has others: see `_Generator._code`, `_body_indent`.
"""

import bisect
import re
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

from mod_python._psp.scanner import Kind, Token
from mod_python._psp.source import Source


class Calls(NamedTuple):
    """How code writes: what stands before and behind a literal, a value, and a value that is escaped."""

    text: tuple[str, str]
    value: tuple[str, str]
    escaped: tuple[str, str]


# As mod_python 3.5 wrote it, for those who look at it.
SHOWN = Calls(('req.write("""', '""",0)'), ("req.write(str(", "),0)"), ("req.write(escape(", "),0)"))
# For the globals that a page runs with.
TEXT, VALUE, ESCAPED, CHECK = "_psp_text", "_psp_value", "_psp_escaped", "_psp_check"
COMPILED = Calls((f'{TEXT}("""', '""")'), (f"{VALUE}((", "))"), (f"{ESCAPED}((", "))"))
_LINE_END = re.compile(r"\r\n|\r")
# What cannot stand behind another statement in its line.
_COMPOUND = re.compile(r"(?:async|class|def|elif|else|except|finally|for|if|try|while|with)\b|@")
_INCLUDE = re.compile(r"""\s*include\s+file\s*=\s*(?:"([^"]*)"|'([^']*)')\s*""")
_INCLUDE_WORD = re.compile(r"\s*include\b")
# What a literal cannot have as it is; a line end that is no \n is one nevertheless for those who count lines.
_SPECIAL = re.compile('\r\n|[\\\\"\r\0\ud800-\udfff]')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\r": "\\r\\\n", "\r\n": "\\r\n", "\0": "\\x00"}


class Mark(NamedTuple):
    """Where a piece of generated code comes from."""

    line: int
    column: int
    """In bytes of UTF-8, from 0, as `ast` has it."""
    origin: int
    """The line of the page; for an included file, counted on behind the lines of all files before it."""


class Generated(NamedTuple):
    """The code of a page."""

    code: str
    marks: list[Mark]
    files: list[tuple[int, Source]]
    """The files that the page consists of, each with the number that its lines count from; the page is the first."""

    def origin_of(self, line: int, column: int) -> int:
        """Return the `Mark.origin` of a place in the code."""
        at = bisect.bisect_right(self.marks, (line, column, sys.maxsize)) - 1
        mark = self.marks[max(at, 0)]
        return mark.origin + max(line - mark.line, 0)

    def place_of(self, origin: int) -> tuple[Source, int]:
        """Return the file and the line of an origin."""
        at = bisect.bisect_right(self.files, origin - 1, key=lambda file: file[0]) - 1
        base, source = self.files[max(at, 0)]
        return source, min(origin - base, source.last_line())


def generate(
    source: Source, include: Callable[[str], Source], autoescape: bool = False, calls: Calls = SHOWN
) -> Generated:
    """Return the code of a page.

    Args:
        source: the page.
        calls: how it writes.
        include: returns the file of a name in ``<%@ include file="..." %>``; raises OSError if it cannot be read.
        autoescape: whether values are escaped where the file says nothing of it.

    Raises:
        TemplateError: the page is wrong; whatever `include` raises but OSError.
    """
    generator = _Generator(include, calls)
    generator.page(source, autoescape)
    return Generated("".join(generator.pieces), generator.marks, generator.files)


def _literal(text: str) -> str:
    """Return what stands for a text between triple quotes; it has as many lines as the text."""
    return _SPECIAL.sub(lambda match: _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}", text)


def _opens_block(code: str) -> bool:
    """Return whether a colon is the last thing in code; in mod_python 3.5 there was no blank behind it in its line."""
    text = code.rstrip()
    return text.endswith(":") and (code[len(text) :][:1] in ("", "\n") or "#" not in text.rpartition("\n")[2])


def _blanks(line: str) -> str:
    """Return the blanks with which a line begins."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def _begins_line(first: str, newline: str) -> bool:
    """Return whether the first line of a block of code begins a line, where mod_python 3.5 put it behind the text."""
    statement = first.strip()
    return bool(_COMPOUND.match(statement)) or (not newline and (statement[:1] == "#" or statement[-1:] == ":"))


def _first_indent(first: str) -> str:
    return _blanks(first).removeprefix(" ")


def _last_indent(lines: list[str], indent: str) -> str:
    """Return the indentation of the text behind a block of several lines; `indent`: that of its first line."""
    *before, last = lines
    if last.strip():
        return _blanks(last)
    return last + (_blanks(before[-1]) if not last and len(before) > 1 else last or indent)


def _body_indent(indent: str, following: Iterable[Token]) -> str:
    """Return how far the text behind a colon is indented, where the line of the colon is indented by `indent`.

    It is a tab further, as in mod_python 3.5. If the next code that begins a line is indented further by anything else,
    as in ``<%     if x: %>``, the two would not fit, which 3.5 refused: here the text is indented as that code is. An
    included file is not looked into.
    """
    for token in following:
        if token.kind is Kind.DIRECTIVE and _INCLUDE_WORD.match(token.text):
            break
        first, newline, rest = _LINE_END.sub("\n", token.text).partition("\n")
        if token.kind is not Kind.CODE or not (newline or _begins_line(first, newline)):
            continue
        if _begins_line(first, newline):
            next_one = _first_indent(first)
        elif first.strip():
            break  # it stands behind the text
        else:
            lines = rest.split("\n")
            codes = (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
            code = next(codes, None)
            next_one = _last_indent([first, *lines], "") if code is None else _blanks(code)
        if next_one.startswith(indent) and next_one != indent:
            return next_one
        break
    return indent + "\t"


class _Generator:
    def __init__(self, include: Callable[[str], Source], calls: Calls) -> None:
        self._calls = calls
        self.pieces: list[str] = []
        self.marks: list[Mark] = []
        self.files: list[tuple[int, Source]] = []
        self._include = include
        self._line, self._column = 1, 0
        # How far the line that is being written is indented.
        self._indent = ""
        # The paths of the files that include each other, and whether values are escaped in the innermost one.
        self._open_files: list[str] = []
        self._escapes = False
        # The number that the lines of the innermost file count from.
        self._base = 0

    def page(self, source: Source, autoescape: bool) -> None:
        if not source.text:
            self._enter(source)
            self.marks.append(Mark(1, 0, 1))
            return
        self._put(self._calls.text[0], 1)
        self._file(source, autoescape)
        self._put(self._calls.text[1] + "\n")

    def _put(self, text: str, origin: int | None = None) -> None:
        """Append code; `origin` is the line of the innermost file where it begins."""
        if origin is not None:
            self.marks.append(Mark(self._line, self._column, self._base + origin))
        self.pieces.append(text)
        lines = text.count("\n")
        if lines:
            self._line, self._column = self._line + lines, 0
            text = text.rpartition("\n")[2]
        self._column += len(text.encode("utf-8", "surrogatepass"))

    def _enter(self, source: Source) -> int:
        """Count the lines of a file behind those of the others, and return the number."""
        base = 0
        if self.files:
            last_base, last = self.files[-1]
            base = last_base + last.last_line()
        self.files.append((base, source))
        return base

    def _file(self, source: Source, autoescape: bool) -> None:
        before = self._base, self._escapes
        self._base = self._enter(source)
        self._escapes = autoescape if source.autoescape is None else source.autoescape
        self._open_files.append(source.name)
        tokens = source.tokens
        for number, token in enumerate(tokens, 1):
            if not token.is_closed and token.kind is not Kind.CODE:
                raise source.error(f"the {token.kind.value} that begins here has no end", token.start - 1)
            match token.kind:
                case Kind.TEXT:
                    self._put(_literal(token.text))
                case Kind.COMMENT:
                    self._skip(token)
                case Kind.DIRECTIVE:
                    self._directive(source, token)
                case Kind.EXPRESSION:
                    self._expression(source, token)
                case Kind.CODE:
                    self._code(source, token, (tokens[at] for at in range(number, len(tokens))))
        self._open_files.pop()
        self._base, self._escapes = before

    def _skip(self, token: Token) -> None:
        """Leave a token out of the text, but keep its lines."""
        self._put("\\\n" * _LINE_END.sub("\n", token.text).count("\n"))

    def _directive(self, source: Source, token: Token) -> None:
        match = _INCLUDE.fullmatch(token.text)
        if match is None:
            if _INCLUDE_WORD.match(token.text):
                raise source.error('an include is written as <%@ include file="NAME" %>', token.start)
            self._skip(token)
            return
        name = match[1] or match[2] or ""
        try:
            included = self._include(name)
        except OSError as error:
            raise source.error(f"{name!r} cannot be included: {error.strerror or error}", token.start) from None
        if included.name in self._open_files:
            raise source.error(f"{name!r} includes itself", token.start)
        self._file(included, self._escapes)

    def _python(self, source: Source, token: Token) -> str:
        """Return the code of a token with the line ends of Python."""
        if "\0" in token.text:
            raise source.error("Python code cannot have a NUL", token.start + token.text.index("\0"))
        return _LINE_END.sub("\n", token.text)

    def _reopen(self, source: Source, token: Token) -> None:
        self._put(self._calls.text[0], source.line_at(token.start + len(token.text)))

    def _expression(self, source: Source, token: Token) -> None:
        code = self._python(source, token)
        if not code.strip() and self._calls is COMPILED:
            code = '""'
        elif "#" in code and not _is_expression(f"({code})") and _is_expression(f"({code}\n)"):
            code += "\n"  # it ends with a comment
        before, behind = self._calls.escaped if self._escapes else self._calls.value
        self._put(f"{self._calls.text[1]}; {before}")
        self._put(code, source.line_at(token.start))
        self._put(f"{behind}; ")
        self._reopen(source, token)

    def _code(self, source: Source, token: Token, following: Iterable[Token]) -> None:
        """Append a block of code; `following` is what stands behind it.

        mod_python 3.5 put what stands in the line of ``<%`` behind the statement before it, so that no block such as
        ``<% if x: %>`` or ``<% # end %>`` was possible in one line. Here these begin a line of their own, whose
        indentation is what stands between ``<%`` and the code, less one blank; so does text behind the last line of a
        block.
        """
        code = self._python(source, token)
        first, newline, rest = code.partition("\n")
        statement = first.strip()
        is_apart = _begins_line(first, newline)
        indent = _first_indent(first) if is_apart else ""
        self._put(self._calls.text[1] + (";\n" + indent if is_apart else ";"))
        self._put(first.lstrip(" \t") if is_apart else first, source.line_at(token.start))
        if newline:
            self._put(newline + rest)
            lines = code.split("\n")
            self._indent = _last_indent(lines, indent)
            self._put("\n" + self._indent if lines[-1].strip() else self._indent.removeprefix(lines[-1]))
        elif is_apart:
            self._indent = indent
            self._put("\n" + indent)
        elif "#" in statement:
            self._put("\n" + self._indent)  # it may end with a comment
        elif statement and not statement.endswith(";"):
            self._put(";")
        if _opens_block(code) and not (is_apart and statement.startswith("#")):
            before, self._indent = self._indent, _body_indent(self._indent, following)
            self._put(self._indent.removeprefix(before))
        self._reopen(source, token)


def _is_expression(code: str) -> bool:
    try:
        compile(code, "", "eval", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True
