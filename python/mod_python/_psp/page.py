"""A page as code: compiled, with the lines and names that belong to it."""

import ast
import dis
import re
from collections.abc import Callable, Container, Iterator
from types import CodeType
from typing import Any, NamedTuple, NoReturn

from mod_python import _folders, _neighbours
from mod_python._psp.errors import TemplateError
from mod_python._psp.generator import CHECK, COMPILED, ESCAPED, SHOWN, TEXT, VALUE, Calls, Generated, generate
from mod_python._psp.source import FileVersion, Source, Stamp, decoded, read_file

_HINT = (
    "text is indented as the last line of the code before it; behind a colon it is the body of that block, and a line "
    "without indentation, such as <% # end %>, ends all blocks. Inside of one, write <%     if x: %>, <%     # end %>"
)
# What goes on with a block that an indentation may have ended.
_CONTINUING = re.compile(r"\s*(?:<%)?\s*(?:else|elif|except|finally|case)\b")
# What may run many times, and what then writes.
_REPEATED = (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef)
_WRITING = frozenset((TEXT, VALUE, ESCAPED))
_LOADS = frozenset(("LOAD_NAME", "LOAD_GLOBAL"))
_STORES = frozenset(("STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL"))
_ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD"))


# Modules that pages of mod_python 3 found as globals, and that are imported for those that name them.
MODULES = {
    "Session": "mod_python.Session",
    "dbm": "dbm",
    "marshal": "marshal",
    "tempfile": "tempfile",
    "types": "types",
}


class PageOptions(NamedTuple):
    """What is said of pages outside of them."""

    encoding: str
    autoescape: bool


class Page:
    """A compiled page.

    Attributes:
        code: what writes it.
        generated: the Python code that this was compiled from.
        names: the names of globals and attributes in the code.
        modules: those of MODULES among them.
        name: what its code is called in `__name__`.
        uses_form: whether it reads the global name `form`, or ``req.form``, before it sets that.
        uses_session: the same for `session`.
        used: the higher, the later it was asked for.
    """

    used = 0

    def __init__(self, generated: Generated, versions: list[FileVersion]) -> None:
        """Compile the code of a page.

        Args:
            generated: the code.
            versions: the versions of the files that it was made from.

        Raises:
            SyntaxError: it is no Python; with the file and the line of the page.
        """
        path = generated.files[0][1].name
        self.generated = generated
        self.name = _folders.name_of_page(path) if path.startswith("/") else "mod_python.psp"
        self.code = _compiled(generated, path, lambda name: _folders.beside(self.name, name))
        self.names = frozenset(_names(self.code))
        self.modules = tuple(self.names & MODULES.keys())
        self.uses_form = "form" in self.names and bool(_reads(self.code, "form"))
        self.uses_session = "session" in self.names and bool(_reads(self.code, "session"))
        self._versions = versions

    def is_plain(self, found: Stamp) -> bool:
        """Return whether the page is one file with this stamp, uses no session, and needs no module imported."""
        versions = self._versions
        is_known = len(versions) == 1 and versions[0].has_stamp(found)
        return is_known and not self.uses_session and not self.modules

    def is_current(self, found: Stamp | None = None) -> bool:
        """Return whether all of its files are as they were; `found`: the stamp of the first one, if that is known."""
        for version in self._versions:
            if not version.is_current(found):
                return False
            found = None
        return True


class Loader:
    """Reads pages and what they include, and notes the versions of their files."""

    def __init__(self, folder: str, options: PageOptions) -> None:
        """Remember where to look.

        Args:
            folder: the folder of the page, where its includes are looked for; an empty one if there is none.
            options: the encoding of files that say none, and whether values are escaped in them.
        """
        self.versions: list[FileVersion] = []
        self._folder = folder
        self._options = options

    def file(self, path: str) -> Source:
        """Return the source of a file. Raise OSError if it cannot be read, `TemplateError` if it is wrong."""
        data, version = read_file(path)
        self.versions.append(version)
        return Source(path, decoded(data, path, self._options.encoding))

    def text(self, text: str | bytes, name: str) -> Source:
        """Return the source of a text. Raise `TemplateError` if it is wrong."""
        return Source(name, text if isinstance(text, str) else decoded(text, name, self._options.encoding))

    def included(self, name: str) -> Source:
        """Return the source of a file that is included."""
        if not name.startswith("/") and not self._folder:
            raise OSError("there is no folder to look in: write its path from the root")
        return self.file(name if name.startswith("/") else f"{self._folder.rstrip('/')}/{name}")

    def generated(self, source: Source, calls: Calls = SHOWN) -> Generated:
        """Return the code of a page, which writes by `calls`. Raise `TemplateError` if it is wrong."""
        return generate(source, self.included, self._options.autoescape, calls)

    def page(self, source: Source) -> Page:
        """Return a page, compiled. Raise `SyntaxError` if it is wrong."""
        return Page(self.generated(source, COMPILED), self.versions)


def _compiled(generated: Generated, path: str, full_name: Callable[[str], str]) -> CodeType:
    try:
        if "import" in generated.code:
            tree = _neighbours.parse(generated.code, path, full_name)
        else:
            tree = ast.parse(generated.code, path)
    except SyntaxError as error:
        column = (error.offset or 1) - 1
        lines = generated.code.split("\n")
        line = min(max(error.lineno or 1, 1), len(lines))
        before = lines[line - 1][: max(column, 0)]
        _fail(generated, error, generated.origin_of(line, len(before.encode("utf-8", "surrogatepass"))))
    except (ValueError, RecursionError, MemoryError) as error:
        _fail(generated, TemplateError(f"Python cannot compile it: {str(error) or type(error).__name__}"), 1)
    _relocate(tree, generated)
    try:
        return compile(tree, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        _fail(generated, error, error.lineno or 1)
    except (ValueError, RecursionError, MemoryError) as error:
        _fail(generated, TemplateError(f"Python cannot compile it: {str(error) or type(error).__name__}"), 1)


def _fail(generated: Generated, error: SyntaxError, origin: int) -> NoReturn:
    """Raise an error that tells of the page, not of the code that was made of it."""
    source, line = generated.place_of(origin)
    error.filename, error.lineno, error.text = source.name, line, source.line(line)
    error.offset = error.end_lineno = error.end_offset = None
    error.args = (error.msg, (source.name, line, None, error.text))
    page = generated.files[0][1]
    where = f"its line {line}" if source is page else f"line {line} of {source.name}"
    error.add_note(f"The page {page.name} cannot be compiled, because of {where}.")
    if isinstance(error, IndentationError) or _CONTINUING.match(error.text):
        error.add_note(f"In a page, {_HINT}.")
    raise error


def _relocate(tree: ast.Module, generated: Generated) -> None:
    """Give all nodes the lines of the page, without columns; take empty texts out, and have loops check the output."""
    node: Any
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                statements[:] = [ast.copy_location(ast.Pass(), one) if _is_empty(one) else one for one in statements]
        if isinstance(node, _REPEATED) and any(_is_call(one, _WRITING) for one in ast.walk(node)):
            call = ast.Expr(ast.Call(ast.Name(CHECK, ast.Load()), [], []))
            has_docstring = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
            at = 1 if has_docstring else 0
            node.body.insert(at, ast.fix_missing_locations(ast.copy_location(call, node.body[0])))
        if hasattr(node, "lineno"):
            line = generated.origin_of(node.lineno, node.col_offset)
            node.lineno = node.end_lineno = line
            node.col_offset = node.end_col_offset = -1  # no columns: those of the code are not those of the page


def _is_call(node: ast.AST, names: Container[str]) -> bool:
    """Return whether a node is a call of one of these names."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _is_empty(node: ast.AST) -> bool:
    """Return whether a statement writes an empty text."""
    if not isinstance(node, ast.Expr) or not _is_call(node.value, (TEXT,)):
        return False
    match node.value:
        case ast.Call(args=[ast.Constant(value="")]):
            return True
    return False


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _reads(code: CodeType, name: str) -> bool | None:
    """Return whether code reads a global name, or that attribute of ``req``, before it sets it; None if neither."""
    before = ""
    for instruction in dis.get_instructions(code):
        operation, argument = instruction.opname, instruction.argval
        if argument == name:
            if operation in _LOADS or (before == "req" and operation in _ATTRIBUTES):
                return True
            if operation in _STORES or (before == "req" and operation == "STORE_ATTR"):
                return False
        if isinstance(argument, CodeType) and _reads(argument, name):
            return True
        before = argument if operation in _LOADS else ""
    return None
