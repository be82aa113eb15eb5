"""mod_python.filters.redact: what it finds, what it leaves, cut everywhere."""

import re

import pytest

from httpd import Httpd
from mod_python import testing
from server import MANUAL

# isort: split
from mod_python.filters.redact import outputfilter

CONF = """
PythonOutputFilter mod_python.filters.redact REDACT
<Location "/cards">
    SetOutputFilter REDACT
    PythonOption redact cards
    PythonOption redact_with "****"
</Location>
<Location "/addresses">
    SetOutputFilter REDACT
    PythonOption redact addresses
</Location>
<Location "/events">
    SetOutputFilter REDACT
    SetHandler mod_python
    PythonHandler response_sources::events
</Location>
Alias "/manual" "${MANUAL}"
<Directory "${MANUAL}">
    Require all granted
    SetOutputFilter REDACT
</Directory>
"""
SECRETS = [
    b"4111111111111111",
    b"4111 1111 1111 1111",
    b"5500-0000-0000-0004",
    b"378282246310005",
    b"4222222222222",
    b"6304000000000000000",
    b"jane.doe+web@mail.example.co.uk",
    b"a@b.c",
    b"x" * 64 + b"@example.org",
]
FINE = [
    b"4111111111111112",  # not Luhn's
    b"41111111111111111111",  # too long
    b"411111111111",  # too short
    b"1 4111 1111 1111 1111",  # a part of more digits
    b"4111  1111  1111  1111",
    b"1700000000000",
    b"2026-11-23 14:10:40.079889",
    b"user@localhost",
    b"@example.org",
    b"a@",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_hidden(secret: bytes) -> None:
    for around in (b"%s", b"<%s>", b"see: %s.", b"\n%s\n"):
        assert testing.run(outputfilter, around % secret).body == around % b"[redacted]"


@pytest.mark.parametrize("text", FINE)
def test_what_is_not(text: bytes) -> None:
    assert testing.run(outputfilter, b"<" + text + b">").body == b"<" + text + b">"


def test_the_cut_law() -> None:
    body = b"4111 1111 1111 1111, (a.b@c.example) 12345678901234567\n1234 a@b 378282246310005"
    expected = b"[redacted], ([redacted]) 12345678901234567\n1234 a@b [redacted]"
    assert testing.run(outputfilter, body, cuts="all").body == expected


def test_one_of_the_two(httpd: Httpd) -> None:
    for folder, expected in {"cards": b"a@b.example ****", "addresses": b"[redacted] 4111111111111111"}.items():
        httpd.write(f"{folder}/a.txt", b"a@b.example 4111111111111111")
        assert httpd.get(f"/{folder}/a.txt").body == expected


def test_long_texts_without_a_border() -> None:
    # What could go on and on is given out all the same.
    body = b"word " * 50_000 + b"4111111111111111, " + b"1234567" * 20_000
    assert testing.run(outputfilter, body).body == body.replace(b"4111111111111111", b"[redacted]")


def test_the_manual(httpd: Httpd) -> None:
    pages = sorted(MANUAL.glob("en/mod/*.html"))
    assert len(pages) > 50
    found = 0
    for page in pages:
        body = page.read_bytes()
        answer = httpd.get(f"/manual/{page.relative_to(MANUAL)}").body
        found += answer.count(b"[redacted]")
        assert answer == re.sub(rb"[\w.%+-]{1,64}@[\w-]+(?:\.[\w-]+)+", b"[redacted]", body), page
    assert found, "there are addresses in the manual"


def test_events_one_by_one(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(b"GET /events HTTP/1.0\r\n\r\n")
        seen = b""
        while b"data: 0 SECRET\n\n" not in seen:
            seen += connection.recv(1000)
        assert b"data: 1" not in seen
