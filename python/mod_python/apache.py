"""The interface of httpd for handlers, filters and connection handlers.

Constants have the names and numbers of httpd's headers (``apache.OK``,
``apache.HTTP_NOT_FOUND``, ``apache.APLOG_WARNING`` ...).
"""

from collections.abc import Awaitable, Callable, Coroutine, MutableMapping

try:
    from mod_python import _apache
except ImportError as error:
    import os
    import sys

    if os.environ.get("GATEWAY_INTERFACE", "").startswith("CGI/"):
        text = (
            "mod_python.apache, mod_python.util and what needs a request are not there in a CGI script, which runs in "
            "a process of its own: use urllib.parse and http.cookies, or make a handler of the script"
        )
    elif "_apache" in {*sys.modules, *sys.builtin_module_names}:  # what the module of mod_python 3 brings
        text = (
            f"{__file__} belongs to mod_python 4, but httpd has loaded the module of an older mod_python: have "
            f"LoadModule python_module name the mod_python.so of mod_python 4, and remove the package "
            f"libapache2-mod-python; httpd takes the first LoadModule of a module and skips later ones (AH01574)"
        )
    else:
        text = (
            "mod_python.apache exists within httpd; outside, write `from mod_python import testing` before this import"
        )
    raise ImportError(text) from error
from mod_python._apache import *  # noqa: F403 - its public part is this interface
from mod_python._cgi import CGIStdin as CGIStdin
from mod_python._cgi import CGIStdout as CGIStdout
from mod_python._cgi import NullIO as NullIO
from mod_python._cgi import build_cgi_env as build_cgi_env
from mod_python._cgi import restore_nocgi as restore_nocgi
from mod_python._cgi import setup_cgi as setup_cgi
from mod_python._modules import import_module as import_module
from mod_python._modules import kept as kept
from mod_python._modules import module_mtime as module_mtime
from mod_python._modules import resolve_object as resolve_object

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from typing import Any, TypeVar, overload

    from mod_python._apache import AsyncRequest
    from mod_python._cache import Cache
    from mod_python._sse import EventStream

    T = TypeVar("T")
    AsyncHandler = TypeVar("AsyncHandler", bound=Callable[..., Coroutine[Any, Any, Any]])
else:

    def overload(function):
        """Stand for typing's, whose import takes long."""
        return function


make_table = _apache.table

if not TYPE_CHECKING:
    # For type checkers these have the methods that are awaited, and the other classes those that are not.
    AsyncConnection = _apache.Connection
    AsyncFilter = _apache.Filter
    AsyncRequest = _apache.Request

# Other names of mod_python 3 for results.
REQ_PROCEED = _apache.OK
REQ_NOACTION = _apache.DECLINED
REQ_ABORTED = _apache.HTTP_INTERNAL_SERVER_ERROR
REQ_EXIT = "REQ_EXIT"

# A bit that could be added to a log level in Apache 2.0; it has no effect.
APLOG_NOERRNO = 0

# The indexes of req.finfo as a sequence.
FINFO_MODE = 0
FINFO_INO = 1
FINFO_DEV = 2
FINFO_NLINK = 3
FINFO_UID = 4
FINFO_GID = 5
FINFO_SIZE = 6
FINFO_ATIME = 7
FINFO_MTIME = 8
FINFO_CTIME = 9
FINFO_FNAME = 10
FINFO_NAME = 11
FINFO_FILETYPE = 12

# The indexes of req.parsed_uri.
URI_SCHEME = 0
URI_HOSTINFO = 1
URI_USER = 2
URI_PASSWORD = 3
URI_HOSTNAME = 4
URI_PORT = 5
URI_PATH = 6
URI_QUERY = 7
URI_FRAGMENT = 8

MutableMapping.register(_apache.table)


def escape(s: str, quote: bool | int = True) -> str:
    """Return a text with its characters &, < and > as HTML writes them, and " and ' if `quote`; as html.escape()."""
    import html  # which takes long to import

    return html.escape(s, bool(quote))


_run: "Callable[[Awaitable[Any]], Coroutine[Any, Any, Any]] | None" = None  # of _aio, once it is imported


@overload
def aio(awaitable: "Awaitable[T]") -> "Coroutine[Any, Any, T]": ...  # noqa: D103 - what it is with an awaitable


@overload
def aio(awaitable: "AsyncHandler") -> "AsyncHandler": ...  # noqa: D103, F811 - and with a handler


def aio(awaitable: "Any") -> "Any":  # noqa: F811
    """Run an awaitable on asyncio's event loop, such as a query of a database driver, or a whole handler.

    As a decorator of an `async def` content handler or connection handler, it has the handler run as a task of
    asyncio's, which may await whatever asyncio has. Else its result is awaited: `await apache.aio(x)`.

    Each interpreter has one event loop, on a thread of its own. Meanwhile a connection is parked; a filter, and
    a handler of a request that cannot wait without a thread, keep the thread of the request, without the GIL.

    Args:
        awaitable: an `async def` handler; else a coroutine, or any other object that asyncio can await.

    Returns:
        The handler, decorated; else, when it is awaited, the result of the awaitable.

    Raises:
        ShuttingDown: the server stops, and PythonGracefulTimeout is over; the awaitable is cancelled.
        RuntimeError: the event loop has ended; the error log says why.
        TypeError: a function that is no `async def`.
        BaseException: whatever the awaitable raises.
    """
    global _run
    if callable(awaitable) and not hasattr(awaitable, "__await__"):
        from mod_python import _aio_exchange

        return _aio_exchange.decorated(awaitable)
    run = _run
    if run is None:
        from mod_python import _aio  # asyncio takes long to import: only interpreters that use it import it

        run = _run = _aio.run
    return run(awaitable)


def sse(req: "AsyncRequest", *, heartbeat: "float | None" = 15.0) -> "EventStream":
    """Make the response of an `async def` handler a stream of server-sent events (HTML Standard, section 9.2).

    async with apache.sse(req) as events:
        await events.send("hello")

    Args:
        req: the request.
        heartbeat: seconds without an event after which a comment is sent, so that no proxy takes the connection for
            dead; None: never.

    Returns:
        An async context manager whose value has the method ``send``.

    Raises:
        ValueError: `heartbeat` is not above 0.
    """
    from mod_python._sse import EventStream  # which takes a while to import

    return EventStream(req, heartbeat)


_cache_of: "Callable[[str], Cache] | None" = None  # of _cache, once it is imported


def cache(name: str) -> "Cache":
    """Return a cache that all children share: a mapping whose entries end by themselves.

    Args:
        name: the name in its line of ``PythonCache``.

    Raises:
        LookupError: there is no cache of this name.
    """
    global _cache_of
    found = _cache_of
    if found is None:
        from mod_python import _cache  # json takes long to import: only interpreters that use it import it

        found = _cache_of = _cache.cache
    return found(name)
