"""The handler that serves applications of ASGI 3, which ``PythonApplication`` mounts."""

from mod_python._asgi import handler

__all__ = ["handler"]
