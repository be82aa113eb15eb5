"""The envelope of a message: its sender and its recipients (RFC 5321, 2.3.1)."""

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mod_python import apache

from . import replies

MOST_RECIPIENTS = 100
LONGEST_USER = 64  # octets of a local part (RFC 5321, 4.5.3.1.1); a character in UTF-8 has up to four
# A path without its source route, and the parameters behind it (RFC 5321, 4.1.2).
PATH = re.compile(r"(FROM|TO): ?<(?:@[^:<>]*:)?([^<>\0-\x1f\x7f]{0,320})>((?: [^\0- \x7f]+)*) *", re.IGNORECASE)
USER = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the virtual host's `PythonOption` lines say."""

    host: str
    "The server's name in replies and in Received lines."
    size: int
    "The most bytes of a message."
    maildir: str
    "The path of a Maildir, with % for the user."
    domains: list[str]
    "The domains whose mail is accepted, in lower case."
    auth: str | None
    "The URI path of the location that checks passwords; None if none is needed."

    @classmethod
    def of(cls, server: apache.Server) -> Self:
        """Read them. Raise KeyError without `smtp_maildir`, ValueError if `smtp_size` is no number."""
        options = server.get_options()
        host = server.server_hostname or "localhost"
        domains = options.get("smtp_domains", host).lower().split()
        size = int(options.get("smtp_size", "10000000"))
        return cls(host, size, options["smtp_maildir"], domains, options.get("smtp_auth"))


@dataclass(slots=True)
class Envelope:
    """The envelope of one message."""

    settings: Settings
    sender: str | None = None
    utf8: bool = False
    "Whether MAIL had SMTPUTF8."
    recipients: dict[Path, str] = field(default_factory=dict)
    "The address for each Maildir."

    def mail(self, rest: str) -> str:
        """Return the reply to MAIL FROM:<address> [SIZE=n] [BODY=7BIT | BODY=8BITMIME] [SMTPUTF8] [AUTH=...]."""
        found = PATH.fullmatch(rest)
        if self.sender is not None:
            return f"{replies.BAD_SEQUENCE}: the sender is given already"
        if not found or found[1].upper() != "FROM":
            return f"{replies.SYNTAX_ERROR}: MAIL FROM:<address>"
        utf8 = False
        for word in found[3].upper().split():
            key, _, value = word.partition("=")
            if key == "SIZE" and value.isdecimal():
                if len(value) > 20 or int(value) > self.settings.size:
                    return replies.too_big(self.settings.size)
            elif key == "SMTPUTF8" and not value:
                utf8 = True
            elif key != "AUTH" and word not in ("BODY=7BIT", "BODY=8BITMIME"):
                return f"{replies.UNKNOWN_PARAMETER}: {word[:40]}"
        if not utf8 and not found[2].isascii():
            return replies.NEEDS_SMTPUTF8
        self.sender, self.utf8 = found[2], utf8
        return replies.SENDER_OK

    def rcpt(self, rest: str) -> str:
        """Return the reply to RCPT TO:<address>. Raise OSError if the Maildir cannot be looked up."""
        found = PATH.fullmatch(rest)
        if self.sender is None:
            return f"{replies.BAD_SEQUENCE}: send MAIL first"
        if not found or found[1].upper() != "TO":
            return f"{replies.SYNTAX_ERROR}: RCPT TO:<address>"
        if found[3]:
            return f"{replies.UNKNOWN_PARAMETER}: {found[3].strip()[:40]}"
        if not self.utf8 and not found[2].isascii():
            return replies.NEEDS_SMTPUTF8
        if len(self.recipients) >= MOST_RECIPIENTS:
            return f"{replies.TOO_MANY_RECIPIENTS}: at most {MOST_RECIPIENTS}"
        user, at, domain = found[2].rpartition("@")
        if not at and domain.lower() == "postmaster":
            user = domain
        elif domain.lower() not in self.settings.domains:
            return replies.NO_RELAYING
        if len(user.encode()) > LONGEST_USER:
            return f"{replies.PATH_TOO_LONG}: a local part has at most {LONGEST_USER} octets"
        maildir = Path(self.settings.maildir.replace("%", user.lower()))
        if not USER.fullmatch(user) or not is_folder(maildir / "new"):
            return replies.NO_SUCH_USER
        self.recipients[maildir] = found[2]
        return replies.RECIPIENT_OK


def is_folder(path: Path) -> bool:
    """Return whether a folder is there.

    Raises:
        OSError: that cannot be known; `Path.is_dir` has raised this before Python 3.14.
    """
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
