"""The fields of a form: part of ``mod_python.util``."""

import io
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Self, SupportsIndex

if TYPE_CHECKING:
    from mod_python import _apache

    Headers = _apache.table | Mapping[str, str]


class _Content:
    """What `Field.value` is as long as no program has set it."""

    def __get__(self, field: "Field | None", _class: object = None) -> Any:
        if field is None:
            return self
        if field.file is None:
            return b""
        field.file.seek(0)
        try:
            return field.file.read()
        finally:
            field.file.seek(0)


class _Text:
    """What `StringField.value` is as long as no program has set it."""

    def __get__(self, field: "StringField | None", _class: object = None) -> Any:
        return self if field is None else str(field)


class Field:
    """A file of a form.

    Attributes:
        name: the name of the field (str).
        filename: the file's name as the client sent it (str): it may have a path in it, and any characters.
        file: the content, a binary file that was rewound.
        value: the whole content (bytes), read into memory each time, and the file is rewound. It can be set.
        type: the media type that the client told, in lower case (str). `ctype` is the same.
        type_options: its parameters (dict of str).
        disposition: the main value of Content-Disposition (str), usually ``form-data``, or None.
        disposition_options: its parameters (dict of str).
        headers: all headers of the field (a table).
    """

    filename: str | None = None
    if TYPE_CHECKING:
        value: bytes
    else:
        value = _Content()

    def __init__(
        self,
        name: str,
        file: IO[bytes] | None = None,
        ctype: str = "text/plain",
        type_options: dict[str, str] | None = None,
        disp: str | None = None,
        disp_options: dict[str, str] | None = None,
        headers: "Headers | None" = None,
    ) -> None:
        self.name = name
        self.file = file
        self.type = ctype
        self.type_options = type_options or {}
        self.disposition = disp
        self.disposition_options = disp_options or {}
        self.headers = {} if headers is None else headers
        if "filename" in self.disposition_options:
            self.filename = self.disposition_options["filename"]

    @property
    def ctype(self) -> str:
        """The media type, as `type`."""
        return self.type

    def __repr__(self) -> str:
        return f"Field({self.name!r}, filename={self.filename!r}, type={self.type!r})"

    def __del__(self) -> None:
        if getattr(self, "file", None) is not None:
            self.file.close()  # type: ignore[union-attr]  # mod_python 3 did, and programs wait for it


class StringField(str):
    """A text of a form: a str with the attributes of a field.

    Attributes:
        name: the name of the field (str).
        value: the text as a plain str. What a program sets there is what functions get as an argument.
        filename: None, or an empty str for a file that was not chosen.
        type: the media type (str). `ctype` is the same.
        type_options: its parameters (dict of str).
        disposition: as of `Field`, in forms of the type multipart/form-data; else None.
        disposition_options: as of `Field`.
        headers: as of `Field`.
    """

    name: str
    filename: str | None = None
    type: str = "text/plain"
    type_options: dict[str, str]
    disposition: str | None = None
    disposition_options: dict[str, str]
    headers: "Headers"
    _file: io.BytesIO | None = None
    if TYPE_CHECKING:
        value: str
    else:
        value = _Text()

    def __new__(cls, value: str | bytes = "", name: str = "") -> Self:
        """Make a field; bytes are UTF-8, and others are kept by ``surrogateescape``."""
        text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
        self = str.__new__(cls, text)
        self.name = name
        return self

    def __getattr__(self, name: str) -> Any:
        """Make one of the dictionaries, which most fields never need."""
        if name not in ("type_options", "disposition_options", "headers"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        made: dict[str, str] = {}
        setattr(self, name, made)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Have it pickled as a plain str: a session that keeps it needs no more, and its headers cannot be pickled."""
        return str, (str(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @property
    def ctype(self) -> str:
        """The media type, as `type`."""
        return self.type

    @property
    def raw(self) -> bytes:
        """The text as the bytes that the client sent."""
        return self.encode("utf-8", "surrogateescape")

    @property
    def file(self) -> io.BytesIO:
        """The text as a binary file."""
        if self._file is None:
            self._file = io.BytesIO(self.raw)
        return self._file


AnyField = Field | StringField


class FieldList(list[AnyField]):
    """The fields of a form in their order. Searches by name are fast."""

    _index: dict[str, list[AnyField]] | None = None

    def table(self) -> dict[str, list[AnyField]]:
        """Return the fields of each name, in the order in which the names were first seen. Do not change the dict."""
        if self._index is None:
            index: dict[str, list[AnyField]] = {}
            for field in self:
                index.setdefault(field.name, []).append(field)
            self._index = index
        return self._index

    def append(self, item: AnyField) -> None:
        """Add a field at the end."""
        self._index = None
        super().append(item)

    def extend(self, items: Iterable[AnyField]) -> None:
        """Add fields at the end."""
        self._index = None
        super().extend(items)

    def insert(self, index: SupportsIndex, item: AnyField) -> None:
        """Add a field before an index."""
        self._index = None
        super().insert(index, item)

    def pop(self, index: SupportsIndex = -1) -> AnyField:
        """Remove the field at an index, and return it."""
        self._index = None
        return super().pop(index)

    def remove(self, item: AnyField) -> None:
        """Remove the first field that is equal."""
        self._index = None
        super().remove(item)

    def clear(self) -> None:
        """Remove all fields."""
        self._index = None
        super().clear()

    def reverse(self) -> None:
        """Turn the order round."""
        self._index = None
        super().reverse()

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """Sort the fields, as list.sort()."""
        self._index = None
        super().sort(key=key, reverse=reverse)

    def __setitem__(self, index: Any, item: Any) -> None:
        self._index = None
        super().__setitem__(index, item)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        self._index = None
        super().__delitem__(index)

    def __iadd__(self, items: Iterable[AnyField]) -> Self:  # type: ignore[override,misc]  # as list's own
        self.extend(items)
        return self

    def __imul__(self, times: SupportsIndex) -> Self:
        self._index = None
        return super().__imul__(times)
