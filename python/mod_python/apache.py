"""The interface of httpd for handlers, filters and connection handlers.

Constants have the names and numbers of httpd's headers (``apache.OK``,
``apache.HTTP_NOT_FOUND``, ``apache.APLOG_WARNING`` ...).
"""

import importlib
from collections.abc import MutableMapping
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

from mod_python import _apache
from mod_python._apache import *  # noqa: F403 - its public part is this interface

REQ_PROCEED = _apache.OK
REQ_NOACTION = _apache.DECLINED
REQ_ABORTED = _apache.HTTP_INTERNAL_SERVER_ERROR

MutableMapping.register(_apache.table)

if TYPE_CHECKING:

    class StreamFilter(_apache.Filter):
        """A filter as an ``async def`` generator sees it: reading is awaited, yielding writes."""

        def read(self, n: int | None = None) -> Awaitable[bytes]:  # type: ignore[override]
            """Await at most n bytes; ``b""`` at the end."""
            ...
        def __aiter__(self) -> AsyncIterator[bytes]: ...
else:
    StreamFilter = _apache.Filter


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
