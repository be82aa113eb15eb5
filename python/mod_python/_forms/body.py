"""The fields of a request's query and body, each as it is read: for ``util.FieldStorage``."""

import contextlib
from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple, cast

from mod_python import apache
from mod_python._forms import query as _query
from mod_python._forms.fields import AnyField, Field, StringField
from mod_python._forms.header_value import extended, parse_header
from mod_python._forms.limits import FormLimits, TooLargeError, bound
from mod_python._forms.multipart import PORTION, MalformedError, MultipartReader

METHODS_WITH_FORMS = frozenset({"POST", "PUT", "PATCH"})
_URL_ENCODED = "application/x-www-form-urlencoded"


def has_form(req: apache.Request) -> bool:
    """Return whether the body of a request is a form, by its type."""
    if req.method not in METHODS_WITH_FORMS:
        return False
    kind = req.headers_in.get("Content-Type", _URL_ENCODED).strip().lower()
    return kind.startswith((_URL_ENCODED, "multipart/"))


class Callbacks(NamedTuple):
    """The functions that make the files for fields."""

    for_file: Callable[[str], Any] | None
    for_text: Callable[[], Any] | None


NO_CALLBACKS = Callbacks(None, None)


@contextlib.contextmanager
def _malformed() -> Iterator[None]:
    """Make MalformedError of a ValueError: what the client has sent is the reason for it."""
    try:
        yield
    except ValueError as error:
        raise MalformedError(str(error)) from error


class FormReader:
    """Reads the form of a request, and counts what it has read."""

    def __init__(
        self,
        req: apache.Request,
        limits: FormLimits,
        keep_blank_values: bool,
        strict_parsing: bool,
        callbacks: Callbacks,
        begun: IO[bytes] | None = None,
    ) -> None:
        """Read the form of a request; `begun` has the beginning of its body, if that was read already."""
        self._req = req
        # In an async def handler, req.read() returns what is awaited. A program's own object has its own read().
        read = req._read_now if type(req) is apache.Request else req.read
        self._read = read if begun is None else lambda size: begun.read(size) or read(size)
        self._limits = limits
        self._keep_blank_values = keep_blank_values
        self._strict_parsing = strict_parsing
        self._callbacks = callbacks
        self._fields_left = bound(limits.max_fields)
        self._files_left = bound(limits.max_files)
        self._memory_left = bound(limits.max_memory)

    def query(self) -> Iterator[AnyField]:
        """Return the fields of the query.

        Raises:
            MalformedError: it is not what it should be.
            TooLargeError: it is larger than it may be.
        """
        args = self._req.args
        return self._url_encoded(args) if args else iter(())

    def body(self) -> Iterator[AnyField]:
        """Yield the fields of the body, if the method is one that has forms.

        Raises:
            MalformedError: the body is not what its type says.
            TooLargeError: it is larger than it may be.
            apache.SERVER_RETURN: 501 for a POST whose body is no form and no JSON, or why the body cannot be read.
        """
        if self._req.method not in METHODS_WITH_FORMS:
            return
        header = self._req.headers_in.get("Content-Type", _URL_ENCODED)
        kind = header.partition(";")[0].strip().lower()
        if kind.startswith(_URL_ENCODED):
            yield from self._url_encoded(self._whole_body())
        elif kind.startswith("multipart/"):
            yield from self._multipart(header)
        elif self._req.method == "POST" and kind != "application/json" and not kind.endswith("+json"):
            raise apache.SERVER_RETURN(apache.HTTP_NOT_IMPLEMENTED)

    def _url_encoded(self, text: str) -> Iterator[AnyField]:
        self._count_fields(text.count("&") + text.count(";") + 1)
        try:
            found = _query.parse_qsl(text, self._keep_blank_values, self._strict_parsing)
        except ValueError as error:
            raise MalformedError(str(error)) from error
        return (StringField(value, name) for name, value in found)

    def _whole_body(self) -> str:
        pieces = []
        while piece := self._read(PORTION):
            self._count_memory(len(piece))
            pieces.append(piece)
        return b"".join(pieces).decode("utf-8", "surrogateescape")

    def _multipart(self, header: str) -> Iterator[AnyField]:
        with _malformed():
            boundary = parse_header(header)[1].get("boundary", "")
        reader = MultipartReader(self._read, boundary.encode("utf-8", "surrogateescape"))
        while reader.next_part():
            self._count_fields(1)
            headers = apache.make_table()
            for name, value in reader.headers():
                self._count_memory(len(name) + len(value))
                with _malformed():
                    headers.add(name, value)
            yield self._part(headers, reader.content())

    def _part(self, headers: apache.table, content: Iterator[bytes]) -> AnyField:
        with _malformed():
            disposition, options = parse_header(headers.get("Content-Disposition", ""))
            kind, kind_options = parse_header(headers.get("Content-Type", "text/plain"))
            if "filename*" in options and "filename" not in options:
                options["filename"] = extended(options["filename*"])
        if "name" not in options:
            raise MalformedError("a part has no name in its Content-Disposition")
        if "/" not in kind:
            kind, kind_options = "application/octet-stream", {}
        if options.get("filename"):
            file = self._file(options["filename"], content)
            return Field(options["name"], file, kind, kind_options, disposition, options, headers)
        field = StringField(self._text(content), options["name"])
        field.filename = options.get("filename")
        field.type, field.type_options = kind, kind_options
        field.disposition, field.disposition_options = disposition, options
        field.headers = headers
        return field

    def _file(self, filename: str, content: Iterator[bytes]) -> IO[bytes]:
        self._files_left -= 1
        if self._files_left < 0:
            raise TooLargeError(f"the form has more than {self._limits.max_files} files (max_files)")
        if self._callbacks.for_file is not None:
            file = cast(IO[bytes], self._callbacks.for_file(filename))
            self._write(content, file)
            return file
        temporary = SpooledTemporaryFile(self._limits.spool_size or 1, "w+b")  # noqa: SIM115 - the field closes it
        try:
            self._write(content, cast(IO[bytes], temporary))
        except BaseException:
            temporary.close()
            raise
        return cast(IO[bytes], temporary)

    def _write(self, content: Iterator[bytes], file: IO[bytes]) -> None:
        left = bound(self._limits.max_file_size)
        for piece in content:
            left -= len(piece)
            if left < 0:
                raise TooLargeError(f"a file has more than {self._limits.max_file_size} bytes (max_file_size)")
            file.write(piece)
        file.seek(0)

    def _text(self, content: Iterator[bytes]) -> bytes:
        file = None if self._callbacks.for_text is None else self._callbacks.for_text()
        pieces = []
        for piece in content:
            self._count_memory(len(piece))
            pieces.append(piece)
            if file is not None:
                file.write(piece)
        if file is None:
            return b"".join(pieces)
        file.seek(0)
        return cast(bytes, file.read())

    def _count_fields(self, count: int) -> None:
        self._fields_left -= count
        if self._fields_left < 0:
            raise TooLargeError(f"the form has more than {self._limits.max_fields} fields (max_fields)")

    def _count_memory(self, count: int) -> None:
        self._memory_left -= count
        if self._memory_left < 0:
            raise TooLargeError(f"the form has more than {self._limits.max_memory} bytes beside files (max_memory)")
