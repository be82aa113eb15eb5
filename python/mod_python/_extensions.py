"""Extension modules that load into one interpreter of a process only: their ImportError says who has them.

numpy, lxml, cryptography, pydantic, uvloop and all that are made with PyO3 are such modules. Each says so in words of
its own, or not at all, and none knows names of interpreters or directives.

asyncio's accelerator does not say so: before Python 3.12 it keeps asyncio's exceptions and tasks in variables of C that
all interpreters share, so that those of the first one are raised in all. The first interpreter that imports it has it;
in the others its import fails, and asyncio uses its classes in Python, as it does where there is no accelerator.
"""

import sys
from importlib.machinery import BuiltinImporter, ExtensionFileLoader, ModuleSpec
from types import ModuleType

from mod_python import _apache

_create_module = ExtensionFileLoader.create_module
_exec_module = ExtensionFileLoader.exec_module
_create_built_in = BuiltinImporter.create_module
_SHARED = "_asyncio"


def _create(loader: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
    if spec.name == _SHARED:
        _claim_shared()
    try:
        return _create_module(loader, spec)
    except ImportError as error:
        _explain(error, spec.name, loader.path)
        raise


def _exec(loader: ExtensionFileLoader, module: ModuleType) -> None:
    try:
        _exec_module(loader, module)
    except ImportError as error:
        _explain(error, module.__name__, loader.path)
        raise
    _apache._extension_loaded(loader.path)


def _create_of_python(spec: ModuleSpec) -> ModuleType | None:
    """Create a module that is built into Python."""
    if spec.name == _SHARED:
        _claim_shared()
    return _create_built_in(spec)


def _claim_shared() -> None:
    """Claim asyncio's accelerator for this interpreter, unless each interpreter has its own.

    Raises:
        ImportError: another interpreter has it.
    """
    if sys.version_info >= (3, 12):
        return
    _apache._extension_loaded(_SHARED)  # of several interpreters, the first counts
    owner = _apache._extension_owner(_SHARED)
    if owner != _apache.interpreter:
        raise ImportError(
            f"mod_python: interpreter '{owner}' has {_SHARED}, which is for one interpreter of a process only before "
            "Python 3.12: asyncio works without it",
            name=_SHARED,
        )


def _settle_shared() -> None:
    """Claim asyncio's accelerator if `site` has imported it. If another interpreter has it, asyncio is made anew."""
    if sys.modules.get(_SHARED) is None:
        return
    try:
        _claim_shared()
    except ImportError:
        for name in [name for name in sys.modules if name == _SHARED or name.partition(".")[0] == "asyncio"]:
            del sys.modules[name]


def _explain(error: ImportError, name: str, path: str) -> None:
    """Add a note to the error about an extension module that another interpreter of the process has."""
    if getattr(error, "__notes__", None):
        return  # of an extension module that this one imports
    here = _apache.interpreter
    owner = _apache._extension_owner(path)
    if owner is not None and owner != here:
        both = "" if owner == "main_interpreter" else ", or by PythonInterpreter main_interpreter for both"
        error.add_note(
            f"mod_python: interpreter '{owner}' has {name}, which may load into one interpreter of a process only; "
            f"this one is '{here}': let both applications run in one, by PythonInterpreter {_word(owner)} here{both}"
        )
    elif owner is None and here != "main_interpreter" and _is_refusal(str(error)):
        error.add_note(
            f"mod_python: {name} may load into one interpreter of a process only, and perhaps only into the main one; "
            f"this one is '{here}': let all applications that need it run in one, by PythonInterpreter main_interpreter"
        )


def _word(name: str) -> str:
    """Return a name as an argument of a directive."""
    return f'"{name}"' if " " in name else name


def _is_refusal(text: str) -> bool:
    return "interpreter" in text.lower() or "once per process" in text


def install() -> None:
    """Have the loader of extension modules explain their errors, in this interpreter."""
    ExtensionFileLoader.create_module = _create  # type: ignore[assignment,method-assign]
    ExtensionFileLoader.exec_module = _exec  # type: ignore[assignment,method-assign]
    if _SHARED in sys.builtin_module_names:
        BuiltinImporter.create_module = staticmethod(_create_of_python)  # type: ignore[method-assign]
    _settle_shared()
