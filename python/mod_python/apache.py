"""The interface of httpd for handlers, filters and connection handlers.

Constants have the names and numbers of httpd's headers (``apache.OK``,
``apache.HTTP_NOT_FOUND``, ``apache.APLOG_WARNING`` ...).
"""

from __future__ import annotations

import collections.abc
import importlib
from types import ModuleType

import _apache
from _apache import (
    SERVER_RETURN,
    Connection,
    FileInfo,
    Filter,
    Request,
    Server,
    interpreter,
    log_error,
    main_server,
)
from _apache import Table as table  # noqa: N813 - mod_python's name for it

#: Names and numbers of httpd's headers.
_CONSTANTS = {name: getattr(_apache, name) for name in dir(_apache) if name.isupper()}
globals().update(_CONSTANTS)

REQ_PROCEED = _apache.OK
REQ_NOACTION = _apache.DECLINED
REQ_ABORTED = _apache.HTTP_INTERNAL_SERVER_ERROR

collections.abc.MutableMapping.register(table)

__all__ = [
    "SERVER_RETURN",
    "Connection",
    "FileInfo",
    "Filter",
    "Request",
    "Server",
    "import_module",
    "interpreter",
    "log_error",
    "main_server",
    "table",
]
__all__ += sorted(_CONSTANTS)


def import_module(
    module_name: str,
    autoreload: bool = True,
    log: bool = False,
    path: list[str] | None = None,
) -> ModuleType:
    """Import a module by its name.

    Args:
        module_name: dotted name.
        autoreload: accepted; this version does not reload yet.
        log: accepted, as ``autoreload``.
        path: accepted, as ``autoreload``.

    Returns:
        The module.

    Raises:
        ImportError: there is no such module; whatever else importing it raises.
    """
    return importlib.import_module(module_name)
