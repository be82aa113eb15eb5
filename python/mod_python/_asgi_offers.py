"""Requests that threads of httpd offer to an application's event loop, on the thread of that loop.

A thread offers a request before it enters Python (`src/python/request/offers/serve.rs`). What is not served here, such
as a request for an application that has not started, is left to that thread and `mod_python._asgi`.
"""

from typing import Any

from mod_python._asgi_exchange import Exchange, Message
from mod_python._asgi_loop import ASGI, AsgiLoop


class Offers:
    """The requests that are offered to applications.

    Args:
        loop: their loop, which takes them from now on.
    """

    def __init__(self, loop: AsgiLoop) -> None:
        self._loop = loop
        loop.running.waiting[self] = None  # whose set() is called when the loop has ended
        loop.running.begins[False] = self._begin

    def set(self, _value: object, _error: BaseException) -> None:
        """Leave the requests to their threads: the loop has ended."""
        for exchange in list(self._loop.tasks.values()):
            if exchange is not None:
                exchange.waker.call()

    def _begin(self, offer: Any) -> None:
        taken = offer.take()
        if taken is None:
            return
        application, name, scope, context, req, is_stream, has_body, must_be_asked, tls = taken
        loop = self._loop
        lifespan = loop.lifespan(application, name)
        if loop.end_has_begun or not lifespan.is_ready:
            offer.call()
            return
        exchange = Exchange(loop, name, offer, scope["method"], is_stream)
        exchange.offer, exchange.must_be_asked = offer, must_be_asked
        if not has_body:
            exchange.has_no_body()
        complete(scope, exchange, lifespan.state, req)
        if tls is not None:
            scope["extensions"]["tls"] = tls
        offer.run(exchange)
        loop.begin(exchange.run(application, scope), context, name, exchange)


def complete(scope: Message, exchange: Exchange, state: Any, req: Any) -> None:
    """Add to the scope of a request what is not httpd's."""
    scope["asgi"] = ASGI.copy()
    scope["state"] = state.copy()
    scope["extensions"] = extensions = {"mod_python": {"req": req, "call": exchange.call}, "http.response.pathsend": {}}
    if scope["http_version"] != "1.0":
        extensions["http.response.early_hint"] = {}
    if exchange.is_stream:
        extensions["http.response.trailers"] = {}  # httpd sends none in chunks
