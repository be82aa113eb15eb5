"""Server-sent events (HTML Standard, section 9.2): a response that is a stream of events, for `apache.sse`."""

import re
from types import TracebackType
from typing import Self

from mod_python import _apache

_LINE_END = re.compile("\r\n|\r|\n")
_COMMENT = b":\n\n"
_OVER = 2  # of _apache._stop_stage(): the time of PythonGracefulTimeout is over


class EventStream:
    """The response of a request as a stream of events; an async context manager that begins it, and ends it in order.

    Args:
        req: the request, in an `async def` handler.
        heartbeat: seconds without an event after which a comment is sent, so that no proxy takes the connection for
            dead; None: never.

    Attributes:
        last_event_id: what the client has received last, if it comes back after its connection was lost; else None.
    """

    def __init__(self, req: "_apache.AsyncRequest", heartbeat: float | None) -> None:
        if heartbeat is not None and not heartbeat > 0:
            raise ValueError(f"heartbeat is a number of seconds above 0, or None: not {heartbeat!r}")
        self._req = req
        self._heartbeat = heartbeat
        self.last_event_id: str | None = req.headers_in.get("Last-Event-ID")

    @property
    def closing(self) -> bool:
        """Whether the server stops or restarts (bool): a handler that ends the stream then has its client come back."""
        return bool(self._req.closing)

    async def send(
        self, data: str | None = None, *, event: str | None = None, id: str | None = None, retry: int | None = None
    ) -> None:
        """Send an event, and wait while the client is slow.

        Args:
            data: the text of the event, of any number of lines. Without it, clients take `id` and `retry`, and show no
                event.
            event: its type, which clients ask for by `addEventListener`; without it, it is "message".
            id: what the client sends as `Last-Event-ID` when it comes back; "" makes it forget the one before.
            retry: milliseconds after which the client comes back when its connection is lost.

        Raises:
            ConnectionResetError: the client has left.
            TypeError: an argument is of another type.
            ValueError: `event` or `id` has a line end, `id` a NUL, or `retry` is negative.
        """
        await self._req.write(_encoded(data, event, id, retry))

    async def comment(self, text: str = "") -> None:
        """Send a comment (str), which clients ignore. Raises ConnectionResetError when the client has left."""
        await self._req.write("".join(f": {line}\n" for line in _LINE_END.split(text)) + "\n")

    async def __aenter__(self) -> Self:
        """Send the head of the response. For HEAD, raises SERVER_RETURN, with which the handler ends."""
        req = self._req
        req.content_type = "text/event-stream"
        req.headers_out.setdefault("Cache-Control", "no-cache")
        if req.header_only:
            raise _apache.SERVER_RETURN(_apache.OK)
        await req.write(_COMMENT)
        req._heartbeat(self._heartbeat, _COMMENT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """End the heartbeat. A handler that a stop of the server ends is at its end in order: its client comes back."""
        self._req._heartbeat(None, b"")
        if kind is None:
            return False
        # On asyncio's loop (@apache.aio) the task is cancelled, if it awaits something else than its client.
        is_cancelled = kind.__name__ == "CancelledError" and _apache._stop_stage() >= _OVER
        return issubclass(kind, _apache.ShuttingDown) or is_cancelled


def _encoded(data: str | None, event: str | None, id: str | None, retry: int | None) -> str:
    lines = []
    for name, value in (("event", event), ("id", id)):
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"{name} is a str, not {type(value).__name__}")
        if _LINE_END.search(value) or (name == "id" and "\0" in value):
            raise ValueError(f"{name} is one line without NUL, not {value!r}")
        lines.append(f"{name}: {value}\n")
    if retry is not None:
        if isinstance(retry, bool) or not isinstance(retry, int):
            raise TypeError(f"retry is a number of milliseconds (int), not {type(retry).__name__}")
        if retry < 0:
            raise ValueError(f"retry is a number of milliseconds, 0 or more: not {retry}")
        lines.append(f"retry: {retry}\n")
    if data is not None:
        if not isinstance(data, str):
            raise TypeError(f"data is a str, not {type(data).__name__}: json.dumps() makes one of other values")
        lines += [f"data: {line}\n" for line in _LINE_END.split(data)]
    return "".join(lines) + "\n"
