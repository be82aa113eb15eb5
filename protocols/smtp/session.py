"""What a client of SMTP can say, and what it is told."""

import base64
import re

from mod_python import apache

from .envelope import Envelope, Settings
from .message import receive

LONGEST = 2048  # bytes of a command
MOST_MISTAKES = 10
NAME = re.compile(r"[\w.:[\]-]{1,255}")


class Session:
    """One connection."""

    def __init__(self, conn: apache.Connection) -> None:
        self._conn = conn
        self.settings = Settings.of(conn.base_server)
        self.has_quit = False
        self._mistakes = 0
        self._peer = ""
        self._protocol = "SMTP"
        self._user: str | None = None
        self._envelope = Envelope(self.settings)

    def is_open(self) -> bool:
        """Whether there is anything more to hear."""
        return not self.has_quit and self._mistakes < MOST_MISTAKES

    async def say(self, line: str) -> None:
        """Answer."""
        await self._conn.write(line + "\r\n")

    async def hear(self) -> str:
        """A line of the client."""
        line: bytes = await self._conn.readuntil(b"\r\n", LONGEST)
        return line[:-2].decode("utf-8", "replace")

    async def reply(self, line: str) -> str:
        """Do what a line says; return what there is to say to it."""
        word, _, rest = line.partition(" ")
        match verb := word.upper():
            case "HELO" | "EHLO":
                answer = self._hello(verb, rest.strip())
            case "AUTH":
                answer = await self._authenticate(rest)
            case "MAIL" if not self._peer:
                answer = "503 EHLO comes first"
            case "MAIL" if self.settings.auth and not self._user:
                answer = "530 AUTH comes first"
            case "MAIL":
                answer = self._envelope.mail(rest)
            case "RCPT":
                answer = self._recipient(rest)
            case "DATA":
                answer = await self._data(rest)
            case "RSET":
                self._envelope = Envelope(self.settings)
                answer = "250 forgotten"
            case "NOOP":
                answer = "250 nothing done"
            case "VRFY":
                answer = "252 send it, then we shall see"
            case "HELP":
                answer = "214 see RFC 5321"
            case "QUIT":
                self.has_quit = True
                answer = f"221 {self.settings.host} goodbye"
            case _:
                answer = "500 that is no command of mine"
        self._mistakes += answer.startswith("5")
        return answer

    def _hello(self, verb: str, name: str) -> str:
        if not NAME.fullmatch(name):
            return f"501 {verb} and your name"
        self._envelope = Envelope(self.settings)
        self._peer = name
        self._protocol = "ESMTP" if verb == "EHLO" else "SMTP"
        if verb == "HELO":
            return f"250 {self.settings.host}"
        told = [self.settings.host, "PIPELINING", f"SIZE {self.settings.size}", "8BITMIME", "SMTPUTF8"]
        told += ["AUTH PLAIN"] if self._location() else []
        return "".join(f"250-{word}\r\n" for word in told) + "250 HELP"

    def _recipient(self, rest: str) -> str:
        try:
            return self._envelope.rcpt(rest)
        except OSError as error:
            self._conn.log_error(f"a recipient's Maildir cannot be looked at: {error}")
            return "451 the disk does not answer now: try later"

    def _location(self) -> str | None:
        """Where httpd is asked about passwords, if one may be heard here."""
        return self.settings.auth if self._conn.is_https() else None

    async def _authenticate(self, rest: str) -> str:
        mechanism, _, text = rest.partition(" ")
        location = self._location()
        if not location or self._protocol != "ESMTP":
            return "502 not here and now"
        if self._user or self._envelope.sender is not None:
            return "503 once, and before MAIL"
        if mechanism.upper() != "PLAIN":
            return "504 PLAIN is all there is"
        if not text:
            await self.say("334 ")
            text = await self.hear()
        try:
            other, user, password = base64.b64decode(text, validate=True).decode().split("\0")
        except ValueError:
            return "501 that is not how PLAIN looks"
        if user and other in ("", user):
            self._user = await self._conn.authorize(location, user, password)
        if not self._user:
            await self._conn.sleep(min(1, self._conn.timeout))  # who guesses shall take his time
            return "535 that is not right"
        return "235 welcome"

    async def _data(self, rest: str) -> str:
        if rest:
            return "501 DATA, nothing else"
        if not self._envelope.recipients:
            return "503 recipients come first"
        await self.say("354 the message, and a dot on a line of its own")
        envelope, self._envelope = self._envelope, Envelope(self.settings)
        # RFC 3848 and 6531 name the ways in which a message can come.
        protocol = "UTF8SMTP" if envelope.utf8 else self._protocol
        if self._protocol == "ESMTP":
            protocol += "S" * bool(self._conn.is_https()) + "A" * bool(self._user)
        peer = f"{self._peer} ([{self._conn.useragent_ip}])"
        answer = await receive(self._conn, envelope, peer, protocol)
        if not answer:
            self.has_quit = True
            return "552 that has no end"
        return answer
