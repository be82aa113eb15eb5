"""The replies of mod_python.protocols.smtp: the words of RFC 5321 and its extensions, and enhanced status codes."""

import base64
import hashlib
import re
import smtplib
import ssl
import subprocess
from pathlib import Path

import pytest

from httpd import Httpd

OPTIONS = """
    PythonConnectionHandler mod_python.protocols.smtp
    PythonOption smtp_maildir ${STATE}/mail/%
    PythonOption smtp_domains example.org
    PythonOption smtp_size 1000000
    Timeout 2
"""
USERS = """
    PythonOption smtp_auth /mail
    <Location "/mail">
        AuthType Basic
        AuthName mail
        AuthBasicProvider file
        AuthUserFile ${STATE}/users
        Require valid-user
    </Location>
"""
CONF = f"""
Listen 127.0.0.1:${{MAIL_PORT}}
<VirtualHost *:${{MAIL_PORT}}>
    ServerName mx.example.org
{OPTIONS}
</VirtualHost>
Listen 127.0.0.1:${{TLS_MAIL_PORT}}
<VirtualHost *:${{TLS_MAIL_PORT}}>
{OPTIONS} {USERS}
    SSLEngine on
    SSLCertificateFile "${{CERT}}"
    SSLCertificateKeyFile "${{KEY}}"
</VirtualHost>
Listen 127.0.0.1:${{CLEAR_AUTH_PORT}}
<VirtualHost *:${{CLEAR_AUTH_PORT}}>
{OPTIONS} {USERS}
</VirtualHost>
"""
START = ("EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<alice@example.org>")


@pytest.fixture
def mail(httpd: Httpd) -> Path:
    """The folder of the Maildirs, with one for alice and nothing in it."""
    mail = httpd.state / "mail"
    subprocess.run(["rm", "-rf", str(mail)], check=True)
    for name in ("new", "tmp", "cur"):
        (mail / "alice" / name).mkdir(parents=True)
    code = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
    (httpd.state / "users").write_text(f"alice:{{SHA}}{code}\n")
    subprocess.run(["chown", "-R", f"--reference={httpd.state}", str(mail)], check=True)
    return mail


def replies(httpd: Httpd, *lines: str, port: str = "MAIL_PORT") -> list[str]:
    """The last line of each reply to lines that are sent all at once."""
    data = "".join(line + "\r\n" for line in lines).encode()
    answers = httpd.raw(data, port=httpd.port_of(port), half_close=True).decode().split("\r\n")
    return [line for line in answers[:-1] if line[3:4] != "-"]


MOST = "552 5.3.4 Message size exceeds fixed maximum message size: 1000000 bytes"
SEQUENCE = "503 5.5.1 Bad sequence of commands"
SYNTAX = "501 5.5.4 Syntax error in parameters or arguments"
PARAMETER = "555 5.5.4 MAIL FROM/RCPT TO parameters not recognized or not implemented"
CLOSING = "mx.example.org Service not available, closing transmission channel"
GREETING = "220 mx.example.org ESMTP Service ready"
INPUT = "354 Start mail input; end with <CRLF>.<CRLF>"


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        (["QUIT"], "221 2.0.0 mx.example.org Service closing transmission channel"),
        (["HELO x"], "250 mx.example.org"),
        (["HELO"], "501 Syntax error in parameters or arguments: HELO and the client's domain"),
        (["EHLO"], "501 Syntax error in parameters or arguments: EHLO and the client's domain"),
        (["NOOP"], "250 2.0.0 OK"),
        (["RSET"], "250 2.0.0 OK"),
        (["VRFY alice"], "252 2.0.0 Cannot VRFY user, but will accept message and attempt delivery"),
        (["HELP"], "214 2.0.0 Help message: see RFC 5321"),
        (["EXPN list"], "502 5.5.1 Command not implemented"),
        (["STARTTLS"], "502 5.5.1 Command not implemented"),
        (["AUTH PLAIN x"], "502 5.5.1 Command not implemented"),
        (["XYZZY"], "500 5.5.1 Syntax error, command unrecognized"),
        (["NOOP " + "x" * 3000], "500 5.5.2 Line too long"),
        (["XYZZY"] * 10, f"421 4.7.0 {CLOSING}: too many errors"),
        (["MAIL FROM:<a@b>"], f"{SEQUENCE}: send EHLO first"),
        ([*START[:2]], "250 2.1.0 OK"),
        ([*START[:2], "MAIL FROM:<a@b>"], f"{SEQUENCE}: the sender is given already"),
        (["EHLO x", "MAIL FROM:a@b"], f"{SYNTAX}: MAIL FROM:<address>"),
        (["EHLO x", "MAIL FROM:<a@b> SIZE=1000001"], MOST),
        (["EHLO x", "MAIL FROM:<a@b> X=Y"], f"{PARAMETER}: X=Y"),
        (["EHLO x", "MAIL FROM:<a@b> " + "x" * 900], f"{PARAMETER}: {'X' * 40}"),
        (["EHLO x", "MAIL FROM:<a@b> X\n250 2.0.0 OK"], f"{SYNTAX}: MAIL FROM:<address>"),
        (["EHLO x", "MAIL FROM:<ä@b>"], "553 5.6.7 Non-ASCII addresses not permitted without SMTPUTF8"),
        ([*START], "250 2.1.5 OK"),
        (["EHLO x", "RCPT TO:<alice@example.org>"], f"{SEQUENCE}: send MAIL first"),
        ([*START[:2], "RCPT alice@example.org"], f"{SYNTAX}: RCPT TO:<address>"),
        ([*START, "RCPT TO:<alice@example.org> NOTIFY=NEVER"], f"{PARAMETER}: NOTIFY=NEVER"),
        ([*START, "RCPT TO:<ä@example.org>"], "553 5.6.7 Non-ASCII addresses not permitted without SMTPUTF8"),
        ([*START, "RCPT TO:<nobody@example.org>"], "550 5.1.1 No such user here"),
        (
            [*START, "RCPT TO:<a@elsewhere.example>"],
            "550 5.7.1 Delivery not authorized, message refused: relaying is not permitted",
        ),
        (
            [*START, f"RCPT TO:<{'a' * 65}@example.org>"],
            "501 5.1.3 Path too long: a local part has at most 64 octets",
        ),
        ([*START[:2], "DATA"], f"{SEQUENCE}: no valid recipients, send RCPT first"),
        ([*START, "DATA now"], f"{SYNTAX}: DATA has no arguments"),
        ([*START, "DATA", "half a message"], f"421 4.4.2 {CLOSING}: the input ended within a message"),
        ([*START, "DATA", "bare\nLF", "."], "554 5.6.0 Transaction failed: bare <CR> or <LF> received"),
        (
            [*START, "DATA", *["Received: x"] * 101, "", "."],
            "554 5.4.6 Transaction failed: routing loop detected, too many hops",
        ),
        ([*START, "DATA", *["x" * 998] * 1100, "."], MOST),
        ([*START, "DATA", *["x" * 998] * 11000], MOST),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.usefixtures("mail")
def test_replies_have_the_words_of_the_rfcs(httpd: Httpd, lines: list[str], last: str) -> None:
    said = replies(httpd, *lines)
    assert said[0] == GREETING
    assert said[-1] == last
    in_data = [line for line in said if line.startswith("354")]
    assert in_data == [INPUT] * ("DATA" in lines and last[:3] != "503")
    # RFC 2034: a code of the same class in each reply, but for the greeting and those to EHLO and HELO.
    hello = lines[0][:4] in ("EHLO", "HELO")
    assert all(re.match(r"(\d)\d\d \1\.\d\.\d+ ", line) for line in said[1 + hello :] if line not in in_data), said


@pytest.mark.usefixtures("mail")
def test_replies_to_auth_have_the_words_of_the_rfc(httpd: Httpd) -> None:
    httpd.expect("user alice: authentication failure")
    credentials = [base64.b64encode(f"\0alice\0{password}".encode()).decode() for password in ("wrong", "secret")]
    context = ssl.create_default_context(cafile=httpd.certificate)
    port = httpd.port_of("TLS_MAIL_PORT")
    with smtplib.SMTP_SSL("127.0.0.1", port, "client.example", timeout=10, context=context) as client:
        assert client.docmd("HELO x")[0] == 250
        assert client.docmd("AUTH PLAIN x") == (503, b"5.5.1 Bad sequence of commands: send EHLO first")
        client.ehlo()
        assert client.docmd("MAIL FROM:<a@b>") == (530, b"5.7.0 Authentication required")
        assert client.docmd("AUTH LOGIN") == (504, b"5.5.4 Unrecognized authentication type: use PLAIN")
        wrong = (501, b"5.5.2 Syntax error in parameters or arguments: not the Base64 of a PLAIN response")
        assert client.docmd("AUTH PLAIN *") == client.docmd("AUTH PLAIN AAAA") == wrong
        assert client.docmd(f"AUTH PLAIN {credentials[0]}") == (535, b"5.7.8 Authentication credentials invalid")
        assert client.docmd(f"AUTH PLAIN {credentials[1]}") == (235, b"2.7.0 Authentication succeeded")
        again = (503, b"5.5.1 Bad sequence of commands: AUTH is allowed once, and before MAIL")
        assert client.docmd(f"AUTH PLAIN {credentials[1]}") == again
    clear = replies(httpd, "EHLO x", "AUTH PLAIN x", port="CLEAR_AUTH_PORT")
    assert clear[-1] == "538 5.7.11 Encryption required for requested authentication mechanism"


def test_smtplib_reads_the_replies(httpd: Httpd, mail: Path) -> None:
    with smtplib.SMTP("127.0.0.1", httpd.port_of("MAIL_PORT"), "client.example", timeout=10) as client:
        assert client.ehlo()[1].decode().splitlines()[0] == "mx.example.org"
        assert client.mail("a@b") == (250, b"2.1.0 OK")
        assert client.rcpt("alice@example.org") == (250, b"2.1.5 OK")
        code, text = client.data(b"Subject: x\r\n\r\nx\r\n")
        (path,) = (mail / "alice/new").iterdir()
        assert (code, text.decode()) == (250, f"2.6.0 OK: message accepted as {path.name}")
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("a@b", ["nobody@example.org"], "x")
        assert refused.value.recipients == {"nobody@example.org": (550, b"5.1.1 No such user here")}
        many = [f"u{number}@example.org" for number in range(101)]
        for user in many:
            (mail / user.partition("@")[0] / "new").mkdir(parents=True)
        client.mail("a@b")
        assert [client.rcpt(user) for user in many][-1] == (452, b"4.5.3 Too many recipients: at most 100")
        assert client.quit() == (221, b"2.0.0 mx.example.org Service closing transmission channel")


def test_a_silent_client_is_told(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("MAIL_PORT")) as client:
        said = b""
        while part := client.recv(1000):
            said += part
    assert said.decode() == f"{GREETING}\r\n421 4.4.2 {CLOSING}: timeout exceeded\r\n"
