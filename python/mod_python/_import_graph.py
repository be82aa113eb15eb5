"""What the modules that may be reloaded import of each other, as their code says."""

import opcode
from collections.abc import Iterable, Iterator
from types import CodeType

from mod_python._sources import Source, loaded, stamp_now

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    # Import statements, as name and imported names; and texts, which may be names of modules.
    Imports = tuple[list[tuple[str, list[str]]], frozenset[str]]

_IMPORT_NAME, _IMPORT_FROM = opcode.opmap["IMPORT_NAME"], opcode.opmap["IMPORT_FROM"]


def imports_of_all(name: str) -> dict[str, set[str]]:
    """Return what each module imports, of those that may be reloaded: for `name` and what it imports."""
    found: dict[str, set[str]] = {}
    queue = [name]
    while queue:
        one = queue.pop()
        if one in found or one not in loaded:
            continue
        found[one] = _imports(one, loaded[one])
        queue += found[one]
        queue.append(one.rpartition(".")[0])
    return found


def _imports(name: str, source: Source) -> set[str]:
    """Return which modules that may be reloaded a module imports, names in a text, or has imported otherwise.

    What it has imported with `autoreload=False` is none of them, unless a statement imports it.
    """
    statements, texts = _imports_in(source)
    # Relative names begin at the module itself if it is a package.
    above = [name, *parents(name)]
    found = {full for text in texts for full in (text, *(f"{each}.{text}" for each in above)) if full in loaded}
    if not source.has_changed():
        # What the next version computes nobody knows.
        found |= {each for each in source.computed if each in loaded}
    found -= source.fixed
    for imported, names in statements:
        if not names or imported not in loaded:
            # It gives the outermost package; or the module may appear in its package yet.
            found.update(each for each in parents(imported) if each in loaded)
        for base in (imported, *(f"{each}.{imported}" if imported else each for each in above)):
            inner = {full for each in names if (full := f"{base}.{each}") in loaded}
            found |= inner
            if base in loaded and (not names or len(inner) < len(names)):
                found.add(base)
    found.discard(name)
    return found


def names_in_imports(source: Source) -> set[str]:
    """Return the parts of all names in the import statements and texts of a module's code."""
    statements, texts = _imports_in(source)
    dotted = {*texts, *(each for imported, names in statements for each in (imported, *names))}
    return {part for each in dotted for part in each.split(".")}


def parents(name: str) -> Iterator[str]:
    """Yield the packages that a module belongs to, the innermost first."""
    while name := name.rpartition(".")[0]:
        yield name


def _imports_in(source: Source) -> "Imports":
    """Return what the code of a module imports. Where its file has changed, that is what the new code imports."""
    known = source.imports
    now = stamp_now(source)
    if known is not None and (now is None or not known[0].differs(now)):
        return known[1]
    again = type(source)(source.name, source.path)
    again.is_anew = now is not None and source.differs(now)
    try:
        imports = _scan(again.get_code(source.name))
    except (ImportError, OSError, SyntaxError, ValueError):
        imports = [], frozenset()
    if again.stamp is not None:
        source.imports = again, imports
    return imports


def _scan(code: CodeType | None) -> "Imports":
    """Return the import statements of a module's code, and its texts without spaces."""
    statements: list[tuple[str, list[str]]] = []
    texts: set[str] = set()
    queue = [code] if code is not None else []
    while queue:
        one = queue.pop()
        queue += (each for each in one.co_consts if isinstance(each, CodeType))
        texts.update(_texts(one.co_consts))
        extended, bytecode = 0, one.co_code
        if _IMPORT_NAME not in bytecode[::2]:
            continue
        for at in range(0, len(bytecode), 2):
            operation, argument = bytecode[at], bytecode[at + 1] | extended
            extended = argument << 8 if operation == opcode.EXTENDED_ARG else 0
            if operation == _IMPORT_NAME:
                statements.append((one.co_names[argument], []))
            elif operation == _IMPORT_FROM and statements:
                statements[-1][1].append(one.co_names[argument])
    return statements, frozenset(texts)


def _texts(constants: Iterable[object]) -> Iterator[str]:
    """Yield the texts of constants and of collections of such that may be names of modules, without leading dots."""
    for each in constants:
        if isinstance(each, str):
            if len(each) < 200 and " " not in each:
                yield each.lstrip(".")
        elif isinstance(each, tuple | frozenset):
            yield from _texts(each)
