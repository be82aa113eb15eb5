"""The result of a filter, from the records of the test double of httpd."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import HTTPMessage

Records = Iterable[tuple[str, bytes]]


@dataclass(frozen=True)
class Result:
    """The result of a filter."""

    body: bytes
    """The body, up to a failure."""
    headers: HTTPMessage
    """The headers of the response when its first byte passed; of the request, for an input filter."""
    status: int
    """The status of the response: for an input filter, that of a handler which reads the body and answers 200."""
    error: int | None
    """The HTTP status with which the filter, or what is before it, ended the body; None if nothing failed."""
    complete: bool
    """Whether the body reached its end, and nothing failed."""
    flushes: tuple[int, ...]
    """The positions of FLUSH buckets, in bytes of the body."""
    log: tuple[str, ...]
    """The lines of the error log, each with its level, such as "error: ValueError: no"."""
    manners: tuple[str, ...] = field(default=(), repr=False)
    """The rules of httpd's API that the module broke; empty if there is none."""


@dataclass
class Seen:
    """Collects the records of a request."""

    body: bytearray = field(default_factory=bytearray)
    headers: HTTPMessage = field(default_factory=HTTPMessage)
    status: int = 200
    error: int | None = None
    ends: int = 0
    flushes: list[int] = field(default_factory=list)
    foreign: int = 0
    manners: list[str] = field(default_factory=list)

    def add(self, records: Records) -> None:
        """Add the records of one or more brigades."""
        last = ""
        for kind, data in records:
            if last == "B" and kind == "B":
                self.manners.append("an empty brigade was passed on")
            last = kind
            match kind:
                case "D":
                    self.body += data
                    if self.ends and data:
                        self.manners.append("data came after the end")
                case "E":
                    self.ends += 1
                    if self.ends > 1:
                        self.manners.append("the end came twice")
                case "F":
                    self.flushes.append(len(self.body))
                case "M":
                    self.foreign += 1
                case "X":
                    self.error = int(data)
                case "S":
                    self.status = int(data)
                case "H":
                    name, _, value = data.decode(errors="surrogateescape").partition("\n")
                    self.headers.add_header(name, value)
        if last == "B":
            self.manners.append("an empty brigade was passed on")

    def result(self, log: tuple[str, ...]) -> Result:
        """Return the result of all records."""
        return Result(
            bytes(self.body),
            self.headers,
            self.status,
            self.error,
            bool(self.ends) and self.error is None,
            tuple(self.flushes),
            log,
            tuple(self.manners),
        )
