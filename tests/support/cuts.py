"""Bodies in pieces: mod_bucketeer cuts a response wherever it finds one of three characters, and drops these."""

import http.client
from collections.abc import Iterator, Mapping

from httpd import Httpd

CUTS = {"bucket": b"\x02", "brigade": b"\x10", "flush": b"\x06"}


def cut_everywhere(body: bytes) -> Iterator[bytes]:
    """The body with one cut of each kind at each place, and with cuts of all kinds after each few bytes."""
    for cut in CUTS.values():
        for place in range(len(body) + 1):
            yield body[:place] + cut + body[place:]
    kinds = [*CUTS.values(), b"".join(CUTS.values())]
    for step in (1, 2, 3, 5):
        for turn in range(len(kinds)):
            pieces = [body[start : start + step] for start in range(0, len(body), step)]
            yield b"".join(piece + kinds[(number + turn) % len(kinds)] for number, piece in enumerate(pieces))


def answers(
    httpd: Httpd, name: str, bodies: Iterator[bytes], headers: Mapping[str, str] | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """Serve each body as the file `name`; yield it with the response to GET /NAME. All requests share a connection."""
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=30)
    try:
        for body in bodies:
            httpd.write(name, body)
            connection.request("GET", f"/{name}", headers=headers or {})
            yield body, connection.getresponse().read()
    finally:
        connection.close()
