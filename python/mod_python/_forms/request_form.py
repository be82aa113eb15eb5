"""``req.form``: the form of a request, read when it is first used."""

import sys
import weakref
from collections.abc import Generator
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Self, cast

from mod_python._forms.body import METHODS_WITH_FORMS, has_form
from mod_python._forms.fields import Field
from mod_python._forms.limits import FormLimits, bound, most_fields
from mod_python._forms.multipart import PORTION
from mod_python._forms.query import arguments_of_query, is_short
from mod_python._forms.storage import FieldStorage

if TYPE_CHECKING:
    from mod_python import _apache
    from mod_python._forms.fields import FieldList


# How much of a body that is awaited is kept in memory, in bytes; more goes to the disk.
_MOST_IN_MEMORY = 1 << 20


class RequestForm(FieldStorage):
    """The form of a request: a `FieldStorage` that reads the request when it is called, or first used.

    ``form = req.form()`` is how to write it. Programs of mod_python 3 ask ``hasattr(req, "form")`` before they use
    ``req.form`` as a FieldStorage: that works, too.
    """

    _failure: BaseException | None = None

    def __init__(self, req: "_apache.Request", keep_blank_values: bool = False) -> None:
        self._req = weakref.ref(req)  # the request refers to its form
        # Whether fields of a URL-encoded form that have no value are kept, when it is read.
        self.keep_blank_values = keep_blank_values

    def __call__(self) -> Self:
        """Read the form, unless it was read, and return it: each call returns this object.

        In an `async def` handler the body of a request is read when it is awaited, or else when the form is first used.

        Raises:
            apache.SERVER_RETURN: as `FieldStorage`; each further call raises it again.
            RuntimeError: the request is over.
        """
        if "list" not in self.__dict__ and self._loop_side() is None:
            req = self._req()
            is_read = req is not None and self._failure is None and self._take_query(req, self.keep_blank_values)
            if not is_read and not self._can_wait():
                self._read()
        return self

    def __await__(self) -> Generator[Any, None, "RequestForm"]:
        """Read the form, unless it was read, and return it: ``form = await req.form()`` in an `async def` handler.

        A handler that can wait without a thread does so for the body.

        On asyncio's loop (``@apache.aio``) a form with a body can be read in this way only.
        """
        exchange = self._loop_side()
        if exchange is None or "list" in self.__dict__:
            yield from self.steps()
        else:
            yield from exchange.operation("form", self).__await__()
        return self

    def steps(self) -> Generator[Any, None, None]:
        """Await the body, where that can be awaited, and read the form."""
        req = self._req()
        if "list" not in self.__dict__ and req is not None and self._can_wait():
            if self._begun is None:
                # A read that is given up loses nothing of the body: this goes on where it was.
                self._begun = cast(IO[bytes], SpooledTemporaryFile(_MOST_IN_MEMORY, "w+b"))  # noqa: SIM115
            most = self._most_bytes(req)
            while self._begun.tell() <= most and (piece := (yield from _reading(req))):
                self._begun.write(piece)
        if "list" not in self.__dict__:
            self._read()

    def _can_wait(self) -> bool:
        """Return whether the body is to be awaited: by an `async def` handler, which reads it now."""
        req = self._req()
        if req is None or self._failure is not None or not has_form(req):
            return False
        try:
            return not isinstance(req.read(0), bytes)
        except Exception:  # the reader of the form meets it, too
            return False

    def _most_bytes(self, req: "_apache.Request") -> float:
        """Return beyond how many bytes the form is refused; a form with files has the limits of its parts."""
        is_multipart = "multipart/" in req.headers_in.get("Content-Type", "").lower()
        return float("inf") if is_multipart else bound(FormLimits.of(req).max_memory)

    def _loop_side(self) -> Any:
        """Return what has the form read elsewhere, where this is a task on asyncio's loop; else None."""
        # While another thread still imports it, nothing runs on the loop.
        current = getattr(sys.modules.get("mod_python._loop_side"), "current", None)
        return None if current is None else current(self._req())

    def __getattr__(self, name: str) -> "FieldList":
        if name != "list":
            raise AttributeError(f"a form has no attribute {name!r}")
        self._read()
        return self.list

    def _read(self) -> None:
        if self._loop_side() is not None:
            raise RuntimeError("read the form by 'await req.form()': asyncio's loop must not wait for a client")
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # the body is read, in part at least
        req = self._req()
        if req is None:
            raise RuntimeError("the form was not read while its request could be used")
        if self._begun is not None:
            self._begun.seek(0)
        try:
            super().__init__(req, self.keep_blank_values)
        except BaseException as error:
            self.__dict__.pop("list", None)
            self._failure = error
            raise
        finally:
            if self._begun is not None:
                self._begun.close()
                self._begun = None

    def __repr__(self) -> str:
        return super().__repr__() if "list" in self.__dict__ else "<a form that was not read>"


def _reading(req: "_apache.Request") -> Generator[Any, None, bytes]:
    """Await the next bytes of a body."""
    steps = req.read(PORTION).__await__()  # type: ignore[attr-defined]  # in an async def handler
    try:
        piece: bytes = yield from steps
        return piece
    except GeneratorExit:
        if withdraw := getattr(steps, "_withdraw", None):
            withdraw()  # what it has read stays unread
        raise


def arguments_of(form: FieldStorage) -> dict[str, Any]:
    """Return what stands for each name in a form: a str for a text, the `Field` of a file; a list where several do."""
    found: dict[str, Any] = {}
    for name, fields in form.list.table().items():
        values = [field if isinstance(field, Field) else field.value for field in fields]
        found[name] = values[0] if len(values) == 1 else values
    return found


def arguments_of_request(req: "_apache.Request") -> dict[str, Any]:
    """As `arguments_of` for ``req.form``, with empty fields. A query is only taken apart: most programs want no more.

    Raises:
        apache.SERVER_RETURN: as `FieldStorage`.
    """
    if req._form_so_far is None and req.method not in METHODS_WITH_FORMS:
        query = req.args or ""
        if is_short(query, most_fields(req)):
            return arguments_of_query(query, True)
    return arguments_of(req.form())
