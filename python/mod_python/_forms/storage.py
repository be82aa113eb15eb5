"""Forms: ``util.FieldStorage``."""

import builtins
from collections.abc import Callable, Iterator
from typing import IO, Any

from mod_python import _apache, apache
from mod_python._forms.body import METHODS_WITH_FORMS, NO_CALLBACKS, Callbacks, FormReader
from mod_python._forms.fields import AnyField, Field, FieldList, StringField
from mod_python._forms.limits import FormLimits, TooLargeError
from mod_python._forms.multipart import MalformedError


class FieldStorage:
    """The fields of a form: those of the query, and those of the body of a POST, PUT or PATCH.

    It is a mapping from names to fields: `StringField` for texts, `Field` for files; a list of them where several have
    one name. Bodies of the types application/x-www-form-urlencoded and multipart/... are read; files go to the disk
    while they come. A body of JSON is left to be read by ``req.read()``. A second FieldStorage of a request has only
    the fields of the query, because the body is read then; ``req.form()`` keeps one.

    Attributes:
        list: all fields in their order.
    """

    list: FieldList
    # The beginning of the body, which was read before.
    _begun: IO[bytes] | None = None

    def __init__(
        self,
        req: apache.Request,
        keep_blank_values: bool | int = False,
        strict_parsing: bool | int = False,
        file_callback: Callable[[str], Any] | None = None,
        field_callback: Callable[[], Any] | None = None,
        *,
        limits: FormLimits | None = None,
    ) -> None:
        """Read the form of a request.

        Args:
            req: the request.
            keep_blank_values: whether fields of a URL-encoded form that have no value are kept.
            strict_parsing: whether a part of a URL-encoded form without ``=`` makes it malformed.
            file_callback: called with the file name that the client sent; returns the binary file to write into.
            field_callback: called for each text of a multipart form; returns a binary file to write into, which is
                read then.
            limits: how large the form may be, in place of what PythonOption says.

        Raises:
            apache.SERVER_RETURN: with the status to answer: 400 for a malformed form, 413 for one that is larger than
                it may be (414 for the query), 501 for a POST of another type; an entry of the log at level info says
                why.
            ValueError: a PythonOption of forms has no number.
        """
        if not strict_parsing and limits is None and self._take_query(req, bool(keep_blank_values)):
            return
        self.list = FieldList()
        limits = FormLimits.of(req) if limits is None else limits
        has_body = req.method in METHODS_WITH_FORMS
        callbacks = Callbacks(file_callback, field_callback) if has_body else NO_CALLBACKS
        reader = FormReader(req, limits, bool(keep_blank_values), bool(strict_parsing), callbacks, self._begun)
        self._add(req, reader.query, apache.HTTP_REQUEST_URI_TOO_LARGE)
        if has_body:
            self._add(req, reader.body, apache.HTTP_REQUEST_ENTITY_TOO_LARGE)

    def _take_query(self, req: apache.Request, keep_blank_values: bool) -> bool:
        """Take the fields of a short query, if there is nothing else: nothing can be wrong with it, or else False."""
        fields: builtins.list[AnyField] | None = _apache._form_of_query(req, StringField, keep_blank_values)
        if fields is None:
            return False
        self.list = FieldList(fields)
        return True

    def _add(self, req: apache.Request, read: Callable[[], Iterator[AnyField]], too_large: int) -> None:
        try:
            self.list.extend(read())
        except TooLargeError as error:
            status, why = too_large, str(error)
        except MalformedError as error:
            status, why = apache.HTTP_BAD_REQUEST, f"the form is malformed: {error}"
        else:
            return
        req.log_error(f"mod_python: {why}", apache.APLOG_INFO)
        raise apache.SERVER_RETURN(status)

    def __getitem__(self, name: str) -> "AnyField | builtins.list[AnyField]":
        found = self.list.table()[name]
        return found[0] if len(found) == 1 else builtins.list(found)

    def __setitem__(self, name: str | bytes, value: str | bytes | AnyField) -> None:
        """Replace all fields of the name by one. A name in bytes is UTF-8, as it is for `add_field`."""
        name = _text(name)
        if name in self:
            del self[name]
        self.add_field(name, value)

    def __delitem__(self, name: str) -> None:
        """Remove all fields of the name."""
        found = self.list.table()[name]
        self.list[:] = [field for field in self.list if all(field is not one for one in found)]

    def __contains__(self, name: object) -> bool:
        return name in self.list.table()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self.list.table())

    def __repr__(self) -> str:
        return f"FieldStorage({self.items()!r})"

    def has_key(self, name: str) -> bool:
        """Return whether there is a field of the name."""
        return name in self

    def keys(self) -> "builtins.list[str]":
        """Return the names, each once, in the order in which they were first seen."""
        return builtins.list(self.list.table())

    def items(self) -> "builtins.list[tuple[str, AnyField]]":
        """Return the name and the field of each field, in the order of the form."""
        return [(field.name, field) for field in self.list]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field of the name, a list if there are several, or the default."""
        try:
            return self[name]
        except KeyError:
            return default

    def getfirst(self, name: str, default: Any = None) -> Any:
        """Return the first field of the name, or the default."""
        found = self.list.table().get(name)
        return found[0] if found else default

    def getlist(self, name: str) -> "builtins.list[AnyField]":
        """Return a list of all fields of the name."""
        return builtins.list(self.list.table().get(name, ()))

    def add_field(self, name: str | bytes, value: str | bytes | AnyField) -> None:
        """Add a field behind all others: a text (bytes are UTF-8), or a `Field` with a file."""
        name = _text(name)
        if isinstance(value, Field):
            value.name = name
            self.list.append(value)
        elif isinstance(value, str | bytes):
            self.list.append(StringField(value, name))
        else:
            raise TypeError(f"the value of a field is str, bytes or a Field, not {type(value).__name__}")

    def clear(self) -> None:
        """Remove all fields."""
        self.list.clear()


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
