"""Extension modules that load into one interpreter of a process only: their ImportError says who has them.

numpy, lxml, cryptography, pydantic, uvloop and all that are made with PyO3 are such modules. Each says so in words of
its own, or not at all, and none knows names of interpreters or directives.
"""

from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType

from mod_python import _apache

_create_module = ExtensionFileLoader.create_module
_exec_module = ExtensionFileLoader.exec_module


def _create(loader: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
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
