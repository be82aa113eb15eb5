"""Requests of ASGI applications: httpd's threads at the service of the application's coroutine on asyncio's loop.

A request has two sides that share a `mod_python._asgi_exchange.Exchange`. The application runs on the loop's thread.
The `Transport` is an ``async def`` handler, stepped by the threads of httpd's that have the request: it alone reads the
body, writes the response and looks after the client. It awaits whatever comes first, without a thread where that is
possible. In a child that stops, it waits on its thread, in ``req._wait``, as long as the response moves.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from mod_python import _aio, _apache
from mod_python._asgi_exchange import Exchange, Message, SendFile
from mod_python._asgi_loop import (
    AT_ONCE,
    BROKEN,
    ENDED,
    ENDS_LATER,
    OVER,
    STOPS,
    WATCH_BREAK,
    WATCH_END,
    WATCH_INPUT,
    ClientGoneError,
    StoppingError,
    usable_loop,
    waker,
)
from mod_python._asgi_offers import complete
from mod_python._contexts import copy_context

_LOOK = 5.0  # seconds after which a thread that waits looks whether the loop is still there
_TICK = 1.0  # the same while a client's bytes are awaited, whose rate mod_reqtimeout may look at
# Seconds after which a stream of HTTP/2, which has no socket to wait for, is looked at: first, for input, and last.
_SOON, _OFTEN, _LATER = 0.001, 0.02, 0.25


async def handler(req: Any) -> int:
    """Serve a request by the application that is mounted for it.

    Raises:
        Exception: what the application raises, as long as its response is not complete.
        SERVER_RETURN: the application could not start, or the body of the request is refused.
        StoppingError: the child stops.
    """
    exchange = req._exchange()
    if exchange is not None:
        # What the application has sent so far is in the exchange.
        exchange.offer, exchange.is_called = None, False
        await Transport(req, exchange).serve(has_waited=True)
        return _apache.OK
    application, name = req._application()
    loop = usable_loop()
    if loop.end_has_begun:
        raise StoppingError
    lifespan = loop.lifespan(application, name)
    if not lifespan.is_ready:
        lifespan.start(req)
    scope = req._asgi_scope()
    exchange = Exchange(loop, name, req._waker(), scope["method"], scope["http_version"] == "2")
    complete(scope, exchange, lifespan.state, req)
    if scope["scheme"] == "https" and req.is_https():
        from mod_python._asgi_tls import tls

        scope["extensions"]["tls"] = tls(req)
    names = {name for name, _ in scope["headers"]}
    exchange.must_be_asked = b"expect" in names
    if not (b"content-length" in names or b"transfer-encoding" in names or exchange.is_stream):
        exchange.has_no_body()
    transport = Transport(req, exchange)
    transport.begin(application, scope)
    await transport.serve()
    return _apache.OK


class Transport:
    """What an application's request needs of httpd and of the client, on the thread of the request.

    Args:
        req: the request.
        exchange: what it shares with the application.
    """

    def __init__(self, req: Any, exchange: Exchange) -> None:
        self._req, self._exchange = req, exchange
        self._is_posted = False  # whether the loop is to be called
        self._is_on_thread = False  # whether it waits on its thread, since the child stops
        self._is_dry = False  # whether nothing of the body has come
        self._is_late_at: float | None = None  # when it will have come too late
        self._is_end_hidden = False  # whether the client's end stands behind something unread
        self._is_quiet_since: float | None = None  # since when nothing has moved in a child that stops
        self._failure: BaseException | None = None

    def begin(self, application: Any, scope: Message) -> None:
        """Have the application run."""
        exchange, context = self._exchange, copy_context()
        self._post(lambda: exchange.loop.begin(exchange.run(application, scope), context, exchange.name, exchange))

    async def serve(self, *, has_waited: bool = False) -> None:
        """Do what the application needs until the response is written.

        Args:
            has_waited: whether the application has run for a time in which nothing has moved.

        Raises:
            Exception: what the application raises.
            ClientGoneError: the client has left.
            OSError: the client has left, or the body did not come.
            StoppingError: the child stops.
        """
        exchange = self._exchange
        is_quiet = has_waited and not (exchange.outgoing or exchange.calls or exchange.is_wanted)
        if stage := _apache._stop_stage():  # of which this thread is not told any more
            self._is_quiet_since = -math.inf if is_quiet and stage >= OVER else time.monotonic()
        try:
            if not await self._answer():
                if exchange.loop.has_ended():
                    raise _aio.ended()
                await self._work()
        finally:
            self._leave()

    def _post(self, function: Callable[[], object]) -> None:
        self._exchange.loop.post(function)
        self._is_posted = True

    async def _work(self) -> None:
        exchange, pause = self._exchange, _SOON
        while True:
            is_reading = exchange.is_wanted and not exchange.is_read and not exchange.incoming
            if is_reading and not self._is_dry:
                self._read()
                continue
            if is_reading and not exchange.client_has_ended:
                watched = WATCH_INPUT
            else:
                watched = WATCH_BREAK if exchange.client_has_ended or self._is_end_hidden else WATCH_END
            if exchange.is_stream:
                seconds, pause = pause, min(pause * 2, _OFTEN if is_reading else _LATER)
            else:
                seconds = _TICK if is_reading or self._is_end_hidden else _LOOK
            found = await self._wait(watched, seconds)
            is_called = exchange.is_called
            if is_called:
                pause = _SOON
            exchange.is_called = self._is_dry = self._is_end_hidden = False
            if await self._answer():
                return
            if found >= STOPS:
                found -= STOPS
                self._look_at_stop(is_called)
            self._look(found)

    async def _wait(self, watched: int, seconds: float) -> int:
        """Wait for the application, and for the client."""
        exchange, is_posted = self._exchange, self._is_posted
        self._is_posted = False
        if self._is_quiet_since is None:
            if is_posted:
                exchange.loop.event.call_late()
            found: int = await self._req._wait_for_call(watched, None if seconds == _LOOK else seconds)
            return found
        if not self._is_on_thread:
            # What the application has called by the other object is looked at after the wait.
            exchange.waker, self._is_on_thread = waker(), True
            seconds = 0
        event = exchange.loop.event if is_posted else None
        return int(self._req._wait(exchange.waker, event, watched, min(seconds, _LATER)))

    def _look(self, found: int) -> None:
        """See to what has happened to the client, and to the loop."""
        exchange = self._exchange
        if found == BROKEN:
            raise ClientGoneError("the client has left")
        if found == ENDS_LATER and exchange.is_read:
            found = ENDED  # what is unread are further requests
        if found == ENDED and not exchange.client_has_ended:
            exchange.client_has_ended = True
            self._post(exchange.wake)
        self._is_end_hidden = found == ENDS_LATER
        if exchange.loop.has_ended():
            raise _aio.ended()

    def _look_at_stop(self, is_called: bool) -> None:
        """Leave a request in a child that stops: at once, or when nothing has moved for PythonGracefulTimeout."""
        now, stage = time.monotonic(), _apache._stop_stage()
        if self._is_quiet_since is None and not is_called and stage >= OVER:
            self._is_quiet_since = -math.inf  # what moves is seen from the begin of the stop on
        elif is_called or self._is_quiet_since is None:
            self._is_quiet_since = now
        is_quiet = now - self._is_quiet_since >= _apache._graceful_time()
        if stage == AT_ONCE or (stage == OVER and is_quiet):
            self._exchange.is_stopped = True
            raise StoppingError

    async def _answer(self) -> bool:
        """Do what the application has asked for. Return whether the response is written."""
        exchange, req = self._exchange, self._req
        while exchange.outgoing:
            first, second = exchange.outgoing.popleft()
            if isinstance(first, bytes):
                # What came together is sent together.
                await req._asgi_send(first, second and not exchange.outgoing)
                exchange.ahead -= len(first)
                if not second:
                    return True
            elif first is not None:
                req._asgi_start(first, second)
            else:
                await self._send_trailers(second)
                return True
        if exchange.waiting:
            self._post(exchange.wake)
        while exchange.calls:
            await self._answer_call(*exchange.calls.popleft())
        if exchange.is_over:
            self._conclude()
        return False

    def _conclude(self) -> None:
        """Raise what an application that has not completed its response has come to."""
        exchange = self._exchange
        if self._failure is not None:
            raise self._failure
        error, exchange.error = exchange.error, None
        if exchange.loop.end_has_begun:
            raise StoppingError from error
        if exchange.is_told:
            raise ClientGoneError(f"the client has left: {exchange.name} ended with {error!r}") from error
        if error is None:
            how = "ended its response early" if exchange.has_started else "returned without an answer"
            raise RuntimeError(f"{exchange.name} {how}: it sends 'http.response.body' without more_body at the end")
        try:
            raise error
        finally:
            del error

    async def _send_trailers(self, headers: Any) -> None:
        await self._req.flush()  # httpd sends no trailers with a response that ends in one piece
        for name, value in headers:
            self._req.trailers_out.add(name.decode("latin-1"), value.decode("latin-1"))

    async def _answer_call(self, function: Callable[[Any], Any], future: "asyncio.Future[Any]") -> None:
        try:
            if isinstance(function, SendFile):
                await function.send(self._req)
                result, error = None, None
            else:
                result, error = self._req._outside(function), None
        except BaseException as raised:  # SystemExit, too, is for the application to catch
            result, error = None, raised
            if isinstance(raised, StopIteration):  # which no future takes
                error = RuntimeError(f"{function!r} raised StopIteration")
                error.__cause__ = raised

        def fulfil() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self._post(fulfil)

    def _read(self) -> None:
        """Read what has come of the body, one message ahead of the application."""
        exchange = self._exchange
        try:
            data = self._portion()
            if data is None:
                self._is_dry = True
                return
            following = self._req._read_available() if data else b""
        except BaseException as error:
            if not exchange.has_started:
                raise  # httpd's answer for it is right
            self._failure, exchange.is_read, exchange.client_has_ended = error, True, True
            self._post(exchange.wake)
            return
        exchange.is_read = following == b""
        exchange.incoming.append({"type": "http.request", "body": data, "more_body": not exchange.is_read})
        if following:
            exchange.incoming.append({"type": "http.request", "body": following, "more_body": True})
        self._post(exchange.wake)

    def _portion(self) -> bytes | None:
        """Return what has come of the body; b"" at its end, None if nothing has come.

        Raises:
            SERVER_RETURN: with 408, if nothing has come for the time of Timeout.
        """
        data: bytes | None = self._req._read_available()
        if data is None and self._exchange.must_be_asked:
            # httpd itself asks the client for the body only when a thread waits for it.
            self._exchange.must_be_asked = False
            self._req._ask_for_body()
        if data is not None:
            self._is_late_at = None
            return data
        now = time.monotonic()
        if self._is_late_at is None:
            self._is_late_at = now + self._req.server.timeout
        elif now > self._is_late_at:
            raise _apache.SERVER_RETURN(_apache.HTTP_REQUEST_TIME_OUT)
        return None

    def _leave(self) -> None:
        """Go on with other requests: the application is told, if it still runs."""
        exchange = self._exchange
        exchange.is_gone = True
        exchange.outgoing.clear()
        is_done = exchange.is_over or exchange.is_complete  # it waits for nothing any more
        if not is_done or exchange.waiting or exchange.calls:
            exchange.loop.post(exchange.end)
            exchange.loop.event.call()
