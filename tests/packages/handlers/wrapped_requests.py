"""Handlers that pass an object of their own on in the place of the request."""

from typing import Any

from mod_python import psp, publisher


class Wrapped:
    """A request of a program's own, as old programs write it."""

    def __init__(self, req: Any) -> None:
        vars(self)["inner"] = req

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.inner, name, value)


def page(req: Any) -> Any:
    wrapped: Any = Wrapped(req)
    return psp.handler(wrapped)


def published(req: Any) -> Any:
    wrapped: Any = Wrapped(req)
    return publisher.handler(wrapped)
