"""The application's side of a request: `receive` and `send`, on the thread of asyncio's loop.

What it shares with the transport (`mod_python._asgi`) are the attributes without an underscore, which both sides change
with the GIL.
"""

import asyncio
import collections
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from mod_python import _apache
from mod_python._asgi_loop import AsgiLoop
from mod_python._failures import log_failure

_AHEAD = 65536  # bytes that an application may be ahead of what is written
_SMALL = 65536  # bytes
_LENGTH = b"content-length"
_is_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_control = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search

Message = dict[str, Any]
Headers = list[tuple[bytes, bytes]]
# What is to be done for the response: a status with headers, a part of the body and whether more of it comes, or
# trailers, with which it ends.
Part = tuple[int, Headers] | tuple[bytes, bool] | tuple[None, Headers]
# A function for the transport to call, and what waits for its result.
Call = tuple[Callable[[Any], Any], "asyncio.Future[Any]"]


class Exchange:
    """A request that an application answers.

    Args:
        loop: the loop on which the application runs.
        name: the application's name.
        waker: the event that calls the transport.
        method: the method of the request.
        is_stream: whether it is a stream of HTTP/2, which has no socket of its own.

    Attributes:
        outgoing: what the application has sent and the transport has not taken.
        ahead: the bytes that were sent and are not written.
        has_started: whether the application has sent status and headers.
        is_complete: whether it has sent the end of its response.
        incoming: what the transport has read and the application has not received.
        is_wanted: whether the application has asked for the body.
        is_read: whether the transport has read the body to its end.
        client_has_ended: whether the client has ended its side.
        is_gone: whether the transport has left the request.
        is_stopped: whether it has left since the child stops.
        is_told: whether the application knows that nobody waits for more.
        is_called: whether the transport was called since it looked.
        waiting: what waits for the transport to do something.
        calls: functions for the transport to call with the request.
        is_over: whether the application has returned or raised.
        error: what it raised.
        must_be_asked: whether the client waits for 100 Continue.
        offer: takes a whole response, as long as the request's thread has not entered Python for it.
    """

    ahead = 0
    has_started = is_complete = is_called = is_wanted = is_read = client_has_ended = is_told = is_over = False
    is_gone = is_stopped = must_be_asked = False
    offer: Any = None
    error: BaseException | None = None
    _left: int | None = None  # bytes of the Content-Length that are still to come
    _has_no_body = _has_trailers = _awaits_trailers = False

    def __init__(self, loop: AsgiLoop, name: str, waker: Any, method: str, is_stream: bool) -> None:
        self.loop, self.name, self.waker, self.is_stream = loop, name, waker, is_stream
        self.outgoing: collections.deque[Part] = collections.deque()
        self.incoming: collections.deque[Message] = collections.deque()
        self.waiting: set[asyncio.Future[None]] = set()
        self.calls: collections.deque[Call] = collections.deque()
        self._is_head = method == "HEAD"
        self._trailers: Headers = []

    def has_no_body(self) -> None:
        """Note that the request has no body."""
        self.incoming.append({"type": "http.request", "body": b"", "more_body": False})
        self.is_read = True

    async def run(self, application: Any, scope: Message) -> None:
        error: BaseException | None = None
        try:
            await application(scope, self.receive, self.send)
        except BaseException as raised:
            error = raised
            if not isinstance(raised, Exception):
                error = RuntimeError(f"the application was ended by {raised!r}")
                error.__cause__ = raised
        if error is not None:
            if self.is_complete:
                log_failure(f"{self.name} failed after its response:", error)
            elif self.is_gone:
                why = "the child stops" if self.is_stopped else "after the client had left"
                text = f"{self.name}: {why}: {error!r}"
                _apache.log_error(text, _apache.APLOG_INFO)
        self.error, self.is_over = error, True
        del error, scope
        if not self.is_complete:
            self._call_now()
        self.loop.done()

    def fail(self, error: BaseException) -> None:
        """Note that the application could not be run."""
        self.error, self.is_over = error, True
        self._call_now()

    async def receive(self) -> Message:
        """Return the next message: a part of the body, or that the client has left or the response is complete."""
        while not (self.is_complete or self.is_gone):
            if self.incoming:
                message = self.incoming.popleft()
                if not (self.incoming or self.is_read):
                    self._call_soon()
                return message
            if self.client_has_ended and self.is_read:
                break
            if not self.is_wanted:
                self.is_wanted = True
                self._call_soon()
            await self._change()
        self.is_told = True
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message of the response. Waits while more than 64 KiB are to be written.

        Raises:
            OSError: the client has left.
            RuntimeError: the message may not come now, or cannot be sent.
        """
        kind = message["type"]
        if self.is_complete:
            raise RuntimeError(f"{kind!r} comes after the response is complete")
        if self.is_gone:
            raise _gone()
        if not self.has_started:
            if kind == "http.response.start":
                self._start(message)
            elif kind == "http.response.early_hint":
                await self._hint(message)
            else:
                raise RuntimeError(f"{kind!r} comes before 'http.response.start'")
        elif self._awaits_trailers:
            if kind != "http.response.trailers":
                raise RuntimeError(f"{kind!r} comes where 'http.response.trailers' must follow")
            self._trail(message)
        elif kind == "http.response.body":
            await self._body(message)
        elif kind == "http.response.pathsend":
            await self._path(message)
        else:
            raise RuntimeError(f"{kind!r} is no message that may come after 'http.response.start'")

    def _start(self, message: Message) -> None:
        status = message["status"]
        if not isinstance(status, int) or not 200 <= status <= 999:
            raise ValueError(f"{status!r} is no status of a response: it is a number from 200 to 999")
        headers, length = _apache._plain_headers(given := message.get("headers", ())) or _checked(given)
        if message.get("trailers"):
            if not self.is_stream:
                raise RuntimeError("trailers cannot be sent here: scope['extensions'] has no 'http.response.trailers'")
            self._has_trailers = True
        self._has_no_body = self._is_head or status in (204, 205, 304)
        if not self._has_no_body:
            self._left = length
        self.has_started = True
        self.outgoing.append((int(status), headers))

    async def _hint(self, message: Message) -> None:
        links = [bytes(link) for link in message.get("links", ())]
        _checked((b"link", link) for link in links)
        await self._ask(lambda req: req._early_hint(links))

    async def _body(self, message: Message) -> None:
        body, more = message.get("body", b""), bool(message.get("more_body", False))
        if not isinstance(body, bytes):
            if not isinstance(body, bytearray | memoryview):
                raise TypeError(f"the body of a message is bytes, not {type(body).__name__}")
            body = bytes(body)
        if self._left is not None:
            if len(body) > self._left:
                raise RuntimeError(f"the body is longer than its Content-Length: by {len(body) - self._left} bytes")
            if len(body) < self._left and not more:
                raise RuntimeError(f"the body is shorter than its Content-Length: by {self._left - len(body)} bytes")
            self._left -= len(body)
        if not more and self.offer is not None and self._is_answered_with(body):
            return
        self.ahead += len(body)
        if not more and self._has_trailers:
            self._awaits_trailers = more = True
        self.outgoing.append((body, more))
        if not more:
            self._completed()
            return
        self._call_soon()
        while self.ahead > _AHEAD:
            await self._change()
            if self.is_gone:
                raise _gone()

    def _is_answered_with(self, body: bytes) -> bool:
        """Hand a whole response over, if this is the only part of its body. Return whether that was possible."""
        if len(self.outgoing) != 1 or self._has_trailers or len(body) > _AHEAD:
            return False
        status, headers = self.outgoing[0]
        if not self.offer.answer(status, headers, body):
            return False
        self.outgoing.clear()
        self.is_complete = self.is_gone = True
        self.wake()
        return True

    async def _path(self, message: Message) -> None:
        path = message["path"]
        if not os.fspath(path).startswith("/"):
            raise ValueError(f"http.response.pathsend has an absolute path, not {path!r}")
        if not self._has_no_body:
            await self._ask(SendFile(path, self._left))
        if self._has_trailers:
            self._awaits_trailers = True
        else:
            self.outgoing.append((b"", False))
            self._completed()

    def _trail(self, message: Message) -> None:
        headers, _ = _checked(message.get("headers", ()))
        self._trailers += headers
        if not message.get("more_trailers", False):
            self.outgoing.append((None, self._trailers))
            self._completed()

    def _completed(self) -> None:
        self.is_complete = True
        self._call_now()
        self.wake()

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on the thread of httpd that has the request, and return what it returns.

        Raises:
            RuntimeError: the response is complete, or the client has left.
            Exception: what the function raises.
        """
        if self.is_complete or self.is_gone:
            raise RuntimeError("the request is over: it can be used until the response is complete")
        return await self._ask(lambda _: function(*arguments))

    async def _ask(self, function: Callable[[Any], Any]) -> Any:
        """Have the transport call a function with the request, and return what it returns."""
        future: asyncio.Future[Any] = self.loop.loop.create_future()
        self.calls.append((function, future))
        self._call_soon()
        return await future

    async def _change(self) -> None:
        """Wait until the transport has done something."""
        future = self.loop.loop.create_future()
        self.waiting.add(future)
        try:
            await future
        finally:
            self.waiting.discard(future)

    def wake(self) -> None:
        """Have what waits look again."""
        for future in self.waiting:
            if not future.done():
                future.set_result(None)

    def end(self) -> None:
        """Tell what waits that the transport has left."""
        self.wake()
        while self.calls:
            _, future = self.calls.popleft()
            if not future.done():
                future.set_exception(RuntimeError("the request is over"))

    def _call_soon(self) -> None:
        """Call the transport at the end of this turn of the loop: for all that comes until then."""
        if not self.is_called:
            self.is_called = True
            self.loop.loop.call_soon(self.waker.call)

    def _call_now(self) -> None:
        self.is_called = True
        self.waker.call()


class SendFile:
    """What is called to send a file, of a length that is said or not; the transport awaits `send` instead."""

    def __init__(self, path: str, left: int | None) -> None:
        self._path, self._left = path, left

    def __call__(self, req: Any) -> Any:
        """Return what `send` returns."""
        return self.send(req)

    async def send(self, req: Any) -> None:
        """Send the file, and wait until the client has taken enough of it.

        Raises:
            OSError: the file cannot be read, or the client has left.
            RuntimeError: it has another length than was said.
        """
        path, left = self._path, self._left
        found = os.stat(path)  # noqa: PTH116 - pathlib takes long to import
        if found.st_blocks == 0 and found.st_size <= _SMALL:  # those of /proc and /sys do not say their true size
            with open(path, "rb") as file:
                data = file.read()
            if left is not None:
                _check_length(path, len(data), left)
            await req._asgi_send(data, False)
            return
        if left is not None:
            _check_length(path, found.st_size, left)
        sent = await req.sendfile(path, 0, -1 if left is None else left)
        if left is not None:
            _check_length(path, sent, left)


def _check_length(path: str, length: int, left: int) -> None:
    if length != left:
        how = "longer" if length > left else "shorter"
        raise RuntimeError(f"{path} is {how} than the Content-Length: by {abs(length - left)} bytes")


def _gone() -> OSError:
    return OSError("the client has left")


def _checked(headers: Iterable[Iterable[bytes]]) -> tuple[Headers, int | None]:
    """Return headers that can be sent, and the length that they name.

    Raises:
        TypeError: a name or value is not of bytes.
        ValueError: it cannot be sent.
    """
    checked, length = [], None
    for name, value in headers:
        if not (isinstance(name, bytes) and isinstance(value, bytes)):
            raise TypeError(f"a header is a pair of bytes, not of {type(name).__name__} and {type(value).__name__}")
        if not _is_token(name):
            raise ValueError(f"{name!r} is no name of a header: it has letters, digits and any of !#$%&'*+-.^_`|~")
        if _control(value):
            raise ValueError(f"the value of the header {name!r} has a control character")
        lower = name.lower()
        if lower == b"transfer-encoding":
            # The specification has it ignored, where req.headers_out refuses it.
            text = f"Transfer-Encoding: {value.decode('latin-1')} is left out: httpd frames the response"
            _apache.log_error(text, _apache.APLOG_INFO)
            continue
        if lower == _LENGTH:
            if not value.isdigit() or (length is not None and length != int(value)):
                raise ValueError(f"Content-Length: {value!r} is no number of bytes, or a second one")
            if length is not None:
                continue
            length = int(value)
        checked.append((name, value))
    return checked, length
