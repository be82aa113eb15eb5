"""Receives the lines of a message after DATA, and makes its trace lines."""

from email.utils import formatdate

from mod_python import apache

from . import replies
from .envelope import Envelope
from .maildir import Delivery

MOST_HOPS = 100  # Received lines of a message: RFC 5321, 6.3


def trace(envelope: Envelope, peer: str, protocol: str, name: str) -> bytes:
    """Return the trace lines of RFC 5321, 4.4. `peer` is what follows "Received: from"."""
    to = f"\n\tfor <{next(iter(envelope.recipients.values()))}>" if len(envelope.recipients) == 1 else ""
    return (
        f"Return-Path: <{envelope.sender}>\n"
        f"Received: from {peer}\n\tby {envelope.settings.host} with {protocol} id {name}{to};\n\t{formatdate()}\n"
    ).encode()


async def receive(conn: apache.AsyncConnection, envelope: Envelope, peer: str, protocol: str) -> str:
    """Read a message to its end and deliver it.

    Returns:
        The reply; '' if the message is so long that it is not read to its end, and the connection must be closed.

    Raises:
        EOFError: the client's input ended before the message did.
    """
    with Delivery(list(envelope.recipients)) as delivery:
        delivery.write(trace(envelope, peer, protocol, delivery.name))
        refusal = ""
        size = hops = 0
        in_head = whole = True
        async for line in conn:
            # Only CRLF ends a line and a message. Servers that took a bare CR or LF for an end let mail be smuggled.
            if line == b".\r\n" and whole:
                break
            whole = line.endswith(b"\r\n")
            size += len(line)
            in_head = in_head and line != b"\r\n"
            hops += in_head and line[:9].lower() == b"received:"
            if not whole or b"\r" in line[:-2]:
                refusal = refusal or replies.BARE_CR_OR_LF
            elif size > envelope.settings.size:
                refusal = refusal or f"{replies.TOO_BIG}: {envelope.settings.size} bytes"
            elif hops > MOST_HOPS:
                refusal = refusal or replies.ROUTING_LOOP
            if not refusal:
                delivery.write(line[line.startswith(b".") : -2] + b"\n")
            elif size > 10 * envelope.settings.size:
                return ""
        else:
            raise EOFError
        if refusal:
            return refusal
        try:
            delivery.finish()
        except OSError as error:
            conn.log_error(f"SMTP: cannot deliver message {delivery.name}: {error}")
            return replies.LOCAL_ERROR
    return f"{replies.MESSAGE_OK} {delivery.name}"
