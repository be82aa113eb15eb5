"""What a published object makes of the response."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from mod_python import apache
from mod_python._forms.arguments import call
from mod_python._forms.request_form import RequestForm, arguments_of_request
from mod_python._forms.storage import FieldStorage
from mod_python._publisher import accept, coroutines

# How often what a call returns is called again: a function that returns itself would not end.
_MOST_CALLS = 100
# How many bytes of a file are sent at a time.
_PORTION = 65536
# mod_python 3 takes a text for HTML by its end; a stream is known by its beginning only.
_START_OF_HTML = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_END_OF_HTML = re.compile(r"</html\s*>\s*\Z", re.IGNORECASE)


def publish(req: apache.Request, found: Any, is_called: bool) -> Any:
    """Send a published object: call it if it can be called, and send what it is.

    Args:
        req: the request.
        found: the object, or what a call of it has returned.
        is_called: whether it is that.

    Returns:
        The text (str) or the bytes that are left to be sent, or None.

    Raises:
        RuntimeError: each call returns something that can be called, without an end.
        BaseException: whatever the object raises when it is called or iterated.
    """
    left = _MOST_CALLS - is_called
    while True:
        if callable(found):
            if not left:
                raise RuntimeError(f"{_MOST_CALLS} calls of a published object have returned what can be called again")
            if left == _MOST_CALLS:
                _prepare_form(req)
            left -= 1
            found = call(found, lambda: arguments_of_request(req), {"req": req})
        if type(found) is str:
            return found
        if coroutines.is_awaitable(found):
            found = coroutines.run(found)
        elif not callable(found):
            break
    return None if found is None else _send(req, found)


def send(req: apache.Request, value: Any) -> None:
    """Send a text, or bytes, by the methods of an object that stands for a request. `_apache` does it for others."""
    if not (req._content_type_set or req.sent_bodyct):
        is_text = isinstance(value, str)
        end = value[-100:] if is_text else bytes(value[-100:]).decode("latin-1")
        _set_guessed(req, bool(_END_OF_HTML.search(end)), is_text)
    req.write(value, False)


def _prepare_form(req: apache.Request) -> None:
    """Have ``req.form`` keep empty fields. It is made, and read, when it is used first."""
    form = req._form_so_far
    if form is None:
        req._keeps_blank_fields = True
    elif isinstance(form, RequestForm):
        form.keep_blank_values = True
    elif not isinstance(form, FieldStorage):
        req.form = RequestForm(req, True)


def _send(req: apache.Request, value: Any) -> Any:
    """Send what is sent piece by piece. Return anything else as a text, or bytes."""
    if isinstance(value, AsyncIterator) or (hasattr(type(value), "__aiter__") and not _has_text(value)):
        coroutines.run(_send_each(req, value))
    elif (pieces := _pieces(value)) is not None:
        _stream(req, pieces, value)
    elif isinstance(value, dict | list) and (text := _json(req, value)) is not None:
        return text
    else:
        return value if isinstance(value, bytes | bytearray | memoryview) else str(value)
    return None


def _pieces(value: Any) -> Iterable[Any] | None:
    """Return an iterable over the pieces of a value that is sent piece by piece; None for any other one."""
    if isinstance(value, Iterator):
        if callable(read := getattr(value, "read", None)):
            return iter(lambda: read(_PORTION), type(read(0))())
        return value
    return value if isinstance(value, Iterable) and not _has_text(value) else None


def _has_text(value: Any) -> bool:
    """Return whether the class of a value says what its text is."""
    kind: Any = type(value)
    return kind.__str__ is not object.__str__ or kind.__repr__ is not object.__repr__


def _stream(req: apache.Request, pieces: Iterable[Any], source: Any) -> None:
    stream = _Stream(req)
    try:
        for piece in pieces:
            stream.send(piece)
            if req.header_only:
                break
        stream.end()
    finally:
        if callable(close := getattr(source, "close", None)):
            close()


async def _send_each(req: apache.Request, pieces: Any) -> None:
    stream = _Stream(req)
    try:
        async for piece in pieces:
            stream.send(piece)
            if req.header_only:
                break
        stream.end()
    finally:
        if callable(close := getattr(pieces, "aclose", None)):
            await close()


class _Stream:
    """A response that is sent piece by piece. The first piece decides its type."""

    def __init__(self, req: apache.Request) -> None:
        self._req = req
        self._is_first = True

    def send(self, piece: Any) -> None:
        data = piece if isinstance(piece, bytes | bytearray | memoryview) else str(piece)
        self._begin(data)
        if data:
            self._req.write(data)

    def end(self) -> None:
        self._begin("")

    def _begin(self, data: Any) -> None:
        if self._is_first:
            _set_type(self._req, data)
        self._is_first = False


def _json(req: apache.Request, value: Any) -> str | None:
    """Return a value as JSON, if that is what the client wants and what the value can be; else None."""
    if req._content_type_set:
        kind = (req.content_type or "").partition(";")[0].strip().lower()
        is_wanted = kind == "application/json" or kind.endswith("+json")
    else:
        req.headers_out.add("Vary", "Accept")
        is_wanted = accept.prefers_json(req.headers_in.get("Accept", ""))
    if not is_wanted:
        return None
    import json  # which takes long to import

    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        req.log_error(f"mod_python: sent as text, since it cannot be JSON: {error}", apache.APLOG_INFO)
        return None
    if not req._content_type_set:
        req.content_type = "application/json"
    return text


def _set_type(req: apache.Request, data: Any) -> None:
    """Set the media type of a stream for which nothing has set it, by its beginning."""
    if req._content_type_set or req.sent_bodyct:
        return
    is_text = isinstance(data, str)
    start = data[:100] if is_text else bytes(data[:100]).decode("latin-1")
    _set_guessed(req, bool(_START_OF_HTML.match(start)), is_text)


def _set_guessed(req: apache.Request, is_html: bool, is_text: bool) -> None:
    kind = "text/html" if is_html else "text/plain"
    req.content_type = f"{kind}; charset=utf-8" if is_text else kind
    # The type was guessed, so browsers must not guess again, and find a page in a text.
    req.headers_out.setdefault("X-Content-Type-Options", "nosniff")
