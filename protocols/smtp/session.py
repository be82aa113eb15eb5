"""The commands of SMTP on one connection, in their order (RFC 5321, 4.1)."""

import base64
import re

from mod_python import apache

from . import replies
from .envelope import Envelope, Settings
from .message import receive

LONGEST = 2048  # bytes of a command line
MOST_MISTAKES = 10  # replies with 5 on one connection
EXTENSIONS = ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
NAME = re.compile(r"[\w.:[\]-]{1,255}")


class Session:
    """What is known of one connection. A session is used by one task at a time."""

    def __init__(self, conn: apache.AsyncConnection) -> None:
        self._conn = conn
        self.settings = Settings.of(conn.base_server)
        self.is_over = False  # whether the last reply was sent: to QUIT, or to a message that is far too long
        self._mistakes = 0
        self._peer = ""
        self._protocol = "SMTP"
        self._user: str | None = None
        self._envelope = Envelope(self.settings)

    def is_open(self) -> bool:
        """Return whether more commands are read."""
        return not self.is_over and self._mistakes < MOST_MISTAKES

    async def say(self, line: str) -> None:
        """Send a reply."""
        await self._conn.write(line + "\r\n")

    async def hear(self) -> str:
        """Return the client's next line, without its CRLF.

        Raises:
            asyncio.LimitOverrunError: it has more than LONGEST bytes.
            asyncio.IncompleteReadError: the input ended.
        """
        line: bytes = await self._conn.readuntil(b"\r\n", LONGEST)
        return line[:-2].decode("utf-8", "replace")

    async def reply(self, line: str) -> str:
        """Execute a command line and return the reply. Raise EOFError if the input ended within a message."""
        word, _, rest = line.partition(" ")
        match verb := word.upper():
            case "HELO" | "EHLO":
                answer = self._hello(verb, rest.strip())
            case "AUTH":
                answer = await self._authenticate(rest)
            case "MAIL" if not self._peer:
                answer = replies.HELLO_FIRST
            case "MAIL" if self.settings.auth and not self._user:
                answer = replies.NEEDS_AUTHENTICATION
            case "MAIL":
                answer = self._envelope.mail(rest)
            case "RCPT":
                answer = self._recipient(rest)
            case "DATA":
                answer = await self._data(rest)
            case "RSET":
                self._envelope = Envelope(self.settings)
                answer = replies.OK
            case "NOOP":
                answer = replies.OK
            case "VRFY":
                answer = replies.CANNOT_VERIFY
            case "HELP":
                answer = replies.HELP
            case "QUIT":
                self.is_over = True
                answer = replies.goodbye(self.settings.host)
            case "EXPN" | "STARTTLS":
                answer = replies.NOT_IMPLEMENTED
            case _:
                answer = replies.UNRECOGNIZED
        self._mistakes += answer.startswith("5")
        return answer

    def _hello(self, verb: str, name: str) -> str:
        if not NAME.fullmatch(name):
            return f"501 Syntax error in parameters or arguments: {verb} and the client's domain"
        self._envelope = Envelope(self.settings)
        self._peer = name
        self._protocol = "ESMTP" if verb == "EHLO" else "SMTP"
        if verb == "HELO":
            return f"250 {self.settings.host}"
        lines = [self.settings.host, "PIPELINING", f"SIZE {self.settings.size}", *EXTENSIONS]
        lines += ["AUTH PLAIN"] if self._location() else []
        return "".join(f"250-{line}\r\n" for line in lines) + "250 HELP"

    def _recipient(self, rest: str) -> str:
        try:
            return self._envelope.rcpt(rest)
        except OSError as error:
            self._conn.log_error(f"SMTP: cannot look up a recipient's Maildir: {error}")
            return replies.LOCAL_ERROR

    def _location(self) -> str | None:
        """Return the location that checks passwords; None without TLS or without `smtp_auth`."""
        return self.settings.auth if self._conn.is_https() else None

    async def _authenticate(self, rest: str) -> str:
        mechanism, _, text = rest.partition(" ")
        location = self._location()
        if not location:
            return replies.NEEDS_TLS if self.settings.auth else replies.NOT_IMPLEMENTED
        if self._protocol != "ESMTP":
            return replies.HELLO_FIRST
        if self._user or self._envelope.sender is not None:
            return f"{replies.BAD_SEQUENCE}: AUTH is allowed once, and before MAIL"
        if mechanism.upper() != "PLAIN":
            return replies.UNKNOWN_MECHANISM
        if not text:
            await self.say("334 ")
            text = await self.hear()
        try:
            other, user, password = base64.b64decode(text, validate=True).decode().split("\0")
        except ValueError:
            return replies.NOT_BASE64
        if user and other in ("", user):
            self._user = await self._conn.authorize(location, user, password)
        if not self._user:
            await self._conn.sleep(min(1, self._conn.timeout))  # seconds; slows down guessing
            return replies.WRONG_CREDENTIALS
        return replies.AUTHENTICATED

    async def _data(self, rest: str) -> str:
        if rest:
            return f"{replies.SYNTAX_ERROR}: DATA has no arguments"
        if not self._envelope.recipients:
            return f"{replies.BAD_SEQUENCE}: no valid recipients, send RCPT first"
        await self.say(replies.START_INPUT)
        envelope, self._envelope = self._envelope, Envelope(self.settings)
        # The names of transmission types for Received lines: RFC 3848 and RFC 6531.
        protocol = "UTF8SMTP" if envelope.utf8 else self._protocol
        if self._protocol == "ESMTP":
            protocol += "S" * bool(self._conn.is_https()) + "A" * bool(self._user)
        peer = f"{self._peer} ([{self._conn.useragent_ip}])"
        answer = await receive(self._conn, envelope, peer, protocol)
        if not answer:
            self.is_over = True
            return replies.too_big(self.settings.size)
        return answer
