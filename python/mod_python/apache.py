"""The interface of httpd for handlers, filters and connection handlers.

Constants have the names and numbers of httpd's headers (``apache.OK``,
``apache.HTTP_NOT_FOUND``, ``apache.APLOG_WARNING`` ...).
"""

import importlib
from collections.abc import MutableMapping
from types import ModuleType

from mod_python import _apache
from mod_python._apache import *  # noqa: F403 - its public part is this interface

REQ_PROCEED = _apache.OK
REQ_NOACTION = _apache.DECLINED
REQ_ABORTED = _apache.HTTP_INTERNAL_SERVER_ERROR

MutableMapping.register(_apache.table)
make_table = _apache.table


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
