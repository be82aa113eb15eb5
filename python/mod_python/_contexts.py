"""Copies of contexts (PEP 567) that know for whom code works, so that log entries of other threads have the client.

A thread or a coroutine on asyncio's loop that runs in a copy of a handler's context works for the handler's client.
"""

import contextvars
import functools

from mod_python import _apache

_copy_context = contextvars.copy_context


@functools.wraps(_copy_context)
def copy_context() -> contextvars.Context:
    """Return a copy of the current context, which carries for whom this thread works."""
    _apache._carry_origin()
    return _copy_context()


def install() -> None:
    """Have ``contextvars.copy_context`` be the function of this module; ``asyncio.to_thread`` calls it, too."""
    contextvars.copy_context = copy_context
