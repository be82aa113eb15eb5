"""The interface of httpd for handlers, filters and connection handlers.

Constants have the names and numbers of httpd's headers (``apache.OK``,
``apache.HTTP_NOT_FOUND``, ``apache.APLOG_WARNING`` ...).
"""

from collections.abc import Awaitable, MutableMapping
from typing import TypeVar

try:
    from mod_python import _apache
except ImportError as error:
    text = "mod_python.apache is there inside httpd; outside, `from mod_python import testing` comes before it"
    raise ImportError(text) from error
from mod_python._apache import *  # noqa: F403 - its public part is this interface
from mod_python._cgi import CGIStdin as CGIStdin
from mod_python._cgi import CGIStdout as CGIStdout
from mod_python._cgi import NullIO as NullIO
from mod_python._cgi import build_cgi_env as build_cgi_env
from mod_python._cgi import restore_nocgi as restore_nocgi
from mod_python._cgi import setup_cgi as setup_cgi
from mod_python._modules import import_module as import_module
from mod_python._modules import module_mtime as module_mtime
from mod_python._modules import resolve_object as resolve_object

make_table = _apache.table

# mod_python's other names for results.
REQ_PROCEED = _apache.OK
REQ_NOACTION = _apache.DECLINED
REQ_ABORTED = _apache.HTTP_INTERNAL_SERVER_ERROR
REQ_EXIT = "REQ_EXIT"

# Once a bit to add to a log level; it has no effect.
APLOG_NOERRNO = 0

# The places of req.finfo as a sequence.
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

# The places of req.parsed_uri.
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

T = TypeVar("T")


async def aio(awaitable: Awaitable[T]) -> T:
    """Run something of asyncio's: a database driver's query, an HTTP client's request, ``asyncio.sleep``.

    It runs on one event loop per interpreter, on a thread of its own. A connection is parked meanwhile; a filter
    holds its request's thread, and lets others run Python.

    Args:
        awaitable: a coroutine, or anything else that asyncio awaits.

    Returns:
        What it returns.

    Raises:
        ShuttingDown: the server stops, and the time for what was begun is over; what was begun is cancelled.
        BaseException: whatever it raises.
    """
    from mod_python import _aio  # asyncio is large: only who uses it pays for it

    return await _aio.run(awaitable)
