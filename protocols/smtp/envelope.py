"""From whom a message comes and to whom it goes."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mod_python import apache

MOST_RECIPIENTS = 100
LONGEST_USER = 64  # bytes, as RFC 5321, 4.5.3.1.1, has it: a letter of UTF-8 can have four
# A path of RFC 5321, 4.1.2, its route left out, and the parameters behind it.
PATH = re.compile(r"(FROM|TO): ?<(?:@[^:<>]*:)?([^<>\0-\x1f\x7f]{0,320})>((?: [^ ]+)*) *", re.IGNORECASE)
USER = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the virtual host says."""

    host: str
    size: int
    maildir: str
    domains: list[str]
    auth: str | None

    @classmethod
    def of(cls, server: apache.Server) -> Self:
        """Read them from its PythonOption lines."""
        options = server.get_options()
        host = server.server_hostname or "localhost"
        domains = options.get("smtp_domains", host).lower().split()
        size = int(options.get("smtp_size", "10000000"))
        return cls(host, size, options["smtp_maildir"], domains, options.get("smtp_auth"))


@dataclass(slots=True)
class Envelope:
    """One message's."""

    settings: Settings
    sender: str | None = None
    utf8: bool = False
    recipients: dict[Path, str] = field(default_factory=dict)

    def mail(self, rest: str) -> str:
        """MAIL FROM:<address> [SIZE=n] [BODY=7BIT | BODY=8BITMIME] [SMTPUTF8] [AUTH=...]."""
        found = PATH.fullmatch(rest)
        if self.sender is not None:
            return "503 one message at a time"
        if not found or found[1].upper() != "FROM":
            return "501 MAIL FROM:<address>"
        utf8 = False
        for word in found[3].upper().split():
            key, _, value = word.partition("=")
            if key == "SIZE" and value.isdecimal():
                if len(value) > 20 or int(value) > self.settings.size:
                    return f"552 a message has at most {self.settings.size} bytes here"
            elif key == "SMTPUTF8" and not value:
                utf8 = True
            elif key != "AUTH" and word not in ("BODY=7BIT", "BODY=8BITMIME"):
                return f"555 {word} is no parameter of mine"
        if not utf8 and not found[2].isascii():
            return "553 that address needs SMTPUTF8"
        self.sender, self.utf8 = found[2], utf8
        return "250 go on"

    def rcpt(self, rest: str) -> str:
        """RCPT TO:<address>. Raise OSError if the disk does not tell whether there is such a user."""
        found = PATH.fullmatch(rest)
        if self.sender is None:
            return "503 MAIL comes first"
        if not found or found[1].upper() != "TO":
            return "501 RCPT TO:<address>"
        if found[3]:
            return "555 RCPT has no parameters here"
        if not self.utf8 and not found[2].isascii():
            return "553 that address needs SMTPUTF8"
        if len(self.recipients) >= MOST_RECIPIENTS:
            return "452 these are enough recipients for one message"
        user, at, domain = found[2].rpartition("@")
        if not at and domain.lower() == "postmaster":
            user = domain
        elif domain.lower() not in self.settings.domains:
            return "550 mail for other places is not taken here"
        if len(user.encode()) > LONGEST_USER:
            return f"501 the part before @ has at most {LONGEST_USER} bytes"
        maildir = Path(self.settings.maildir.replace("%", user.lower()))
        if not USER.fullmatch(user) or not (maildir / "new").is_dir():
            return "550 there is no such user"
        self.recipients[maildir] = found[2]
        return "250 go on"
