"""What came out of a filter, read from the records of the stand-in for httpd."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import HTTPMessage

Records = Iterable[tuple[str, bytes]]


@dataclass(frozen=True)
class Result:
    """What came out of a filter."""

    body: bytes
    """The body, as far as it came."""
    headers: HTTPMessage
    """The headers of the response as the filter's first bucket found them; of the request, for an input filter."""
    status: int
    """The status of the response."""
    error: int | None
    """The HTTP status with which the filter, or what is before it, ended the body; None if nothing failed."""
    complete: bool
    """Whether the body came to its end, and nothing failed."""
    flushes: tuple[int, ...]
    """After how many bytes of the body something asked for all to be sent on."""
    log: tuple[str, ...]
    """What was logged: each line with its level before it, as in "error: ValueError: no"."""
    manners: tuple[str, ...] = field(default=(), repr=False)
    """What httpd's rules have against how the body came; empty if all is well."""


@dataclass
class Seen:
    """What was seen so far."""

    body: bytearray = field(default_factory=bytearray)
    headers: HTTPMessage = field(default_factory=HTTPMessage)
    status: int = 200
    error: int | None = None
    ends: int = 0
    flushes: list[int] = field(default_factory=list)
    foreign: int = 0
    manners: list[str] = field(default_factory=list)

    def add(self, records: Records) -> None:
        """Take the records of one or more brigades."""
        last = ""
        for kind, data in records:
            if last == "B" and kind == "B":
                self.manners.append("an empty brigade was passed on")
            last = kind
            match kind:
                case "D":
                    self.body += data
                    if self.ends and data:
                        self.manners.append("there was data after the end")
                case "E":
                    self.ends += 1
                    if self.ends > 1:
                        self.manners.append("the end was told twice")
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
        """All of it."""
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
