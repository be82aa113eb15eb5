"""Requests that threads of httpd offer to handlers under ``@apache.aio``, on the thread of the loop.

A thread offers a request before it enters Python (`src/python/request/offers/serve.rs`), and sends what the handler has
written when that has returned. For all else it goes on in Python, with the driver (`mod_python._aio_exchange`).
"""

import contextvars
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mod_python._aio_exchange import OWN, Driver, undecorated
from mod_python._loop_side import AHEAD, Exchange, Operation
from mod_python._loop_tasks import served

if TYPE_CHECKING:
    from mod_python._aio import _Loop


def begin(running: "_Loop", offer: Any) -> None:
    """Run the handler of a request that was offered, or leave that to the thread of the request."""
    taken = offer.take()
    if taken is None:
        return
    found, req, context, line = taken
    function = undecorated(found)
    if function is None:
        offer.decline()
        offer.call()
    else:
        OfferedExchange(running, req, function, line, context, offer).begin_here()


class OfferedExchange(Exchange):
    """A handler on the loop, whose thread of httpd's has not entered Python.

    Args:
        running: the loop.
        target: ``req``.
        function: the handler.
        what: the request line.
        context: the context that the handler runs in.
        offer: takes what the handler has written, or has httpd's thread go on with a driver.
    """

    def __init__(
        self,
        running: "_Loop",
        target: Any,
        function: Callable[..., Awaitable[Any]],
        what: str,
        context: contextvars.Context,
        offer: Any,
    ) -> None:
        super().__init__(running, target, function, what)
        self.context, self._offer = context, offer

    def begin_here(self) -> None:
        """Run the handler as a task; on the loop's thread."""
        running, context = self.running, self.context
        context.run(served.set, self)
        serving = self._serve(self._function(self.target))
        serving.send(None)
        running.waiting[self] = None
        self._offer.run(self)
        running.begin(self, serving, context)

    def set(self, value: object, error: BaseException | None = None) -> None:
        """End the handler, whose task could not be made, or whose loop has ended."""
        super().set(value, error)
        self._hand_over()

    def drive(self) -> Any:
        """Return a coroutine that goes on with the handler on a thread of httpd's."""
        self._offer = None
        return Driver(self).resume()

    def abandon(self) -> None:
        """Go on without the handler; on a thread of httpd's."""
        self._offer = None
        Driver(self).abandon()

    def _call_soon(self) -> None:
        offer = self._offer
        if offer is not None and self.is_over and self._is_answered_by(offer):
            return
        if not self._is_called and (offer is not None or self.bell is not None):
            self._is_called = True
            self.running.at_end(self._call)

    def _call(self) -> None:
        self._is_called = False
        if self._offer is not None:
            self._hand_over()
        elif self.bell is not None:
            self.bell.set(None)

    def _hand_over(self) -> None:
        """Have httpd's thread go on in Python: what is known now, it sees when it looks first."""
        offer, self._offer = self._offer, None
        if offer is not None:
            offer.call()

    def _is_answered_by(self, offer: Any) -> bool:
        """Hand over all that the handler has written, if httpd's thread has nothing else to do for it."""
        if self.error is not None or self.value != 0 or type(self.value) is not int or len(self.context) > OWN:
            return False
        if self._written > AHEAD:
            return False
        pieces = []
        for operation in self.posted:
            if operation.name != "write" or not _has_plain_flags(operation):
                return False
            pieces.append(operation.arguments[0])
        if not offer.answer_written(pieces[0] if len(pieces) == 1 else b"".join(pieces)):
            return False
        self._offer = self.target = None
        self.is_gone = True
        del self.context  # which has the exchange
        while self.posted:
            operation = self.posted.popleft()
            operation.is_done = True
            operation.fulfil()
        return True


def _has_plain_flags(write: Operation) -> bool:
    if len(write.arguments) == 1 and not write.keywords:
        return True
    return all(type(flag) is bool for flag in (*write.arguments[1:], *write.keywords.values()))
