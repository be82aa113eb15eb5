"""What a page writes.

A page writes many small pieces. They are collected and go to the response together, before anything else does: while a
page runs, the methods of its request that send something are preceded by that.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mod_python._psp.escaping import escape

if TYPE_CHECKING:
    from mod_python import _apache

# Of how many pieces, and of how many characters of a single one, the response is given at once. It holds them back
# itself until they are worth to be sent.
MOST_PIECES = 256
LARGE = 4000

_NAME = "_psp_output"


class Output:
    """The pieces of a request's pages.

    Attributes:
        text: appends a text.
        value: appends ``str()`` of a value.
        check: gives the pieces to the response if there are many.
        drain: gives the pieces to the response.
    """

    __slots__ = ("_req", "_write", "check", "drain", "text", "value")

    text: Callable[[str], None]
    value: Callable[[object], None]
    check: Callable[[], None]
    drain: Callable[[], None]

    def __init__(self, req: "_apache.Request") -> None:
        """Collect what pages write for a request, until `close`. On the thread of the request."""
        pieces: list[str] = []
        append = pieces.append
        write_now = req.write

        def drain() -> None:
            if pieces:
                text = "".join(pieces)
                pieces.clear()
                write_now(text, False)

        def value(value: object) -> None:
            text = str(value)
            append(text)
            if len(text) > LARGE:
                drain()

        def check() -> None:
            if len(pieces) > MOST_PIECES:
                drain()

        self.text, self.value, self.check, self.drain = append, value, check, drain
        self._req, self._write = req, write_now
        # One by one, here and in close(): a loop takes three times as long.
        names = req.__dict__
        names[_NAME] = self
        names["write"], names["flush"], names["sendfile"] = self.write, self.flush, self.sendfile
        names["internal_redirect"] = self.internal_redirect
        names["wsgi_start_response"] = self.wsgi_start_response

    def close(self) -> None:
        """Give the pieces to the response, and the request its methods. Raise OSError when the client is gone."""
        take = self._req.__dict__.pop
        take(_NAME, None), take("write", None), take("flush", None), take("sendfile", None)
        take("internal_redirect", None), take("wsgi_start_response", None)
        self.drain()

    def escaped(self, value: object) -> None:
        """Append a value as HTML shows it."""
        self.value(escape(value))

    # ---- the request's methods, behind the pieces

    def write(self, data: Any, flush: int = True) -> None:
        """As ``req.write``."""
        self.drain()
        self._write(data, flush)

    def flush(self) -> None:
        """As ``req.flush``."""
        self.drain()
        type(self._req).flush(self._req)

    def sendfile(self, *args: Any, **kw: Any) -> int:
        """As ``req.sendfile``."""
        self.drain()
        return type(self._req).sendfile(self._req, *args, **kw)

    def internal_redirect(self, new_uri: str | bytes) -> None:
        """As ``req.internal_redirect``."""
        self.drain()
        type(self._req).internal_redirect(self._req, new_uri)

    def wsgi_start_response(self, *args: Any, **kw: Any) -> Callable[[bytes], object]:
        """As ``req.wsgi_start_response``."""
        self.drain()
        return type(self._req).wsgi_start_response(self._req, *args, **kw)


def output_of(req: "_apache.Request") -> Output | None:
    """Return the output of the page that runs for a request, if one does."""
    return req.__dict__.get(_NAME)
