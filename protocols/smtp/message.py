"""A message as it comes, and what is written above it."""

from email.utils import formatdate

from mod_python import apache

from .envelope import Envelope
from .maildir import Delivery

MOST_HOPS = 100  # RFC 5321, 6.3


def trace(envelope: Envelope, peer: str, protocol: str, name: str) -> bytes:
    """What RFC 5321, 4.4, wants above a message; `peer` tells who sent it."""
    to = f"\n\tfor <{next(iter(envelope.recipients.values()))}>" if len(envelope.recipients) == 1 else ""
    return (
        f"Return-Path: <{envelope.sender}>\n"
        f"Received: from {peer}\n\tby {envelope.settings.host} with {protocol} id {name}{to};\n\t{formatdate()}\n"
    ).encode()


async def receive(conn: apache.Connection, envelope: Envelope, peer: str, protocol: str) -> str:
    """Read a message to its end and deliver it; return what there is to say, '' if its end did not come."""
    with Delivery(list(envelope.recipients)) as delivery:
        delivery.write(trace(envelope, peer, protocol, delivery.name))
        refusal = ""
        size = hops = 0
        in_head = whole = True
        async for line in conn:
            # Only CRLF ends a line, and a message: what else servers took for one has smuggled mail.
            if line == b".\r\n" and whole:
                break
            whole = line.endswith(b"\r\n")
            size += len(line)
            in_head = in_head and line != b"\r\n"
            hops += in_head and line[:9].lower() == b"received:"
            if not whole or b"\r" in line[:-2]:
                refusal = refusal or "554 lines end in CRLF"
            elif size > envelope.settings.size:
                refusal = refusal or f"552 a message has at most {envelope.settings.size} bytes here"
            elif hops > MOST_HOPS:
                refusal = refusal or "554 that message goes round in circles"
            if not refusal:
                delivery.write(line[line.startswith(b".") : -2] + b"\n")
            elif size > 10 * envelope.settings.size:
                return ""
        else:
            return ""
        if refusal:
            return refusal
        try:
            delivery.finish()
        except OSError as error:
            conn.log_error(f"a message was not delivered: {error}")
            return "451 the disk does not take it now: try later"
    return f"250 it is there as {delivery.name}"
