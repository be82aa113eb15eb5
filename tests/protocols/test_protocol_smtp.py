"""mod_python.protocols.smtp: mail of smtplib, swaks and curl, read by mailbox; and what is refused."""

import base64
import email.policy
import hashlib
import mailbox
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
OPTIONS = """
    PythonConnectionHandler mod_python.protocols.smtp
    PythonOption smtp_maildir ${STATE}/mail/%
    PythonOption smtp_domains "example.org Example.NET"
    PythonOption smtp_size 1000000
    Timeout 3
"""
TLS = """
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
"""
USERS = """
    PythonOption smtp_auth /mail
    <Location "/mail">
        AuthType Basic
        AuthName mail
        AuthBasicProvider file
        AuthUserFile ${STATE}/users
        Require user alice
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
{OPTIONS} {TLS} {USERS}
</VirtualHost>
Listen 127.0.0.1:${{CLEAR_AUTH_PORT}}
<VirtualHost *:${{CLEAR_AUTH_PORT}}>
{OPTIONS} {USERS}
</VirtualHost>
"""
SECRET = "pass:wörd"


@pytest.fixture(autouse=True)
def _users(httpd: Httpd) -> None:
    for user in ("alice", "bob", "postmaster", "jürgen"):
        box = httpd.state / "mail" / user
        shutil.rmtree(box, ignore_errors=True)
        for name in ("new", "tmp", "cur"):
            (box / name).mkdir(parents=True)
    code = base64.b64encode(hashlib.sha1(SECRET.encode()).digest()).decode()
    (httpd.state / "users").write_text(f"alice:{{SHA}}{code}\nbob:{{SHA}}{code}\n")
    subprocess.run(["chown", "-R", f"--reference={httpd.state}", str(httpd.state / "mail")], check=True)


def box(httpd: Httpd, user: str) -> list[mailbox.MaildirMessage]:
    """The new messages of a user; nothing else is there."""
    folder = httpd.state / "mail" / user
    assert not list((folder / "tmp").iterdir())
    return sorted(mailbox.Maildir(folder, create=False), key=str)


@pytest.fixture
def client(httpd: Httpd) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", httpd.port_of("MAIL_PORT"), "client.example", timeout=10) as client:
        yield client


def secure(httpd: Httpd) -> smtplib.SMTP_SSL:
    context = ssl.create_default_context(cafile=httpd.certificate)
    return smtplib.SMTP_SSL("127.0.0.1", httpd.port_of("TLS_MAIL_PORT"), "client.example", timeout=10, context=context)


def replies(httpd: Httpd, *lines: bytes | str, port: str = "MAIL_PORT") -> list[str]:
    """The last line of each reply to lines that are sent all at once."""
    data = b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)
    answers = httpd.raw(data, port=httpd.port_of(port), half_close=True).decode().split("\r\n")
    return [line for line in answers[:-1] if line[3:4] != "-"]


def raw(httpd: Httpd, *lines: bytes | str, port: str = "MAIL_PORT") -> list[str]:
    """The codes of the replies to lines that are sent all at once."""
    return [line[:3] for line in replies(httpd, *lines, port=port)]


def message(text: str = "Hello\n") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "eve@elsewhere.example", "alice@example.org", "A test"
    mail.set_content(text)
    return mail


def test_smtplib(httpd: Httpd, client: smtplib.SMTP) -> None:
    text = "Dots\n.\n..\n.a line\n\n" + "x" * 900 + "\nÄÖ\n"
    assert client.send_message(message(text)) == {}
    assert client.sendmail("", ["bob@EXAMPLE.net", "Alice@example.org", "postmaster"], "Subject: two\n\ntwo\n") == {}
    (first, second), (other,) = box(httpd, "alice"), box(httpd, "bob")
    if first["Subject"] == "two":
        first, second = second, first
    assert first.get_payload(decode=True) == text.encode()
    assert first["Return-Path"] == "<eve@elsewhere.example>"
    assert first["Received"].startswith("from client.example ([127.0.0.1])\n\tby mx.example.org with ESMTP id ")
    assert "\n\tfor <alice@example.org>;\n" in first["Received"]
    assert str(second) == str(other) == str(box(httpd, "postmaster")[0])
    assert other["Return-Path"] == "<>"
    assert other.get_payload() == "two\n"
    assert {path.stat().st_mode & 0o777 for path in (httpd.state / "mail/alice/new").iterdir()} == {0o600}


def test_what_is_announced(client: smtplib.SMTP, httpd: Httpd) -> None:
    client.ehlo()
    assert client.esmtp_features == {
        "pipelining": "",
        "size": "1000000",
        "8bitmime": "",
        "smtputf8": "",
        "enhancedstatuscodes": "",
        "help": "",
    }
    with secure(httpd) as other:
        other.ehlo()
        assert other.esmtp_features["auth"].strip() == "PLAIN"


def test_auth_plain_through_httpd(httpd: Httpd) -> None:
    httpd.expect("user alice: authentication failure", "user bob: authorization failure", "user nobody not found")
    with secure(httpd) as client:
        with pytest.raises(smtplib.SMTPSenderRefused, match=r"530, b'5\.7\.0 Authentication required'"):
            client.send_message(message())
        for user, password in (("alice", "wrong"), ("bob", SECRET), ("nobody", "x"), ("", SECRET)):
            code, _ = client.docmd("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())
            assert code == 535
        assert client.docmd("AUTH", "PLAIN")[0] == 334
        assert client.docmd(base64.b64encode(f"alice\0alice\0{SECRET}".encode()).decode())[0] == 235
        assert client.docmd("AUTH", "PLAIN")[0] == 503
        client.send_message(message())
    (mail,) = box(httpd, "alice")
    assert " with ESMTPSA id " in mail["Received"]


def test_passwords_need_tls(httpd: Httpd) -> None:
    token = base64.b64encode(f"\0alice\0{SECRET}".encode()).decode()
    said = raw(httpd, "EHLO x", f"AUTH PLAIN {token}", "MAIL FROM:<>", "QUIT", port="CLEAR_AUTH_PORT")
    assert said == ["220", "250", "538", "530", "221"]


def test_swaks(httpd: Httpd) -> None:
    command = [
        "swaks",
        "--from",
        "eve@elsewhere.example",
        "--to",
        "alice@example.org,bob@example.net",
        "--helo",
        "swaks",
    ]
    for options in (
        ["--server", "127.0.0.1", "--port", str(httpd.port_of("MAIL_PORT")), "--pipeline"],
        [
            *("--server", "127.0.0.1", "--port", str(httpd.port_of("TLS_MAIL_PORT")), "--tls-on-connect"),
            *("--auth", "PLAIN", "--auth-user", "alice", "--auth-password", SECRET),
        ],
    ):
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout
    assert len(box(httpd, "alice")) == len(box(httpd, "bob")) == 2


def test_curl(httpd: Httpd) -> None:
    mail = httpd.write("mail.txt", "Subject: curl\r\n\r\n.from curl\r\n")
    url = f"smtp://127.0.0.1:{httpd.port_of('MAIL_PORT')}/client.example"
    done = httpd.curl(url, "--mail-from", "eve@elsewhere.example", "--mail-rcpt", "bob@example.org", "-T", mail)
    assert done.returncode == 0, done.stderr
    assert box(httpd, "bob")[0].get_payload() == ".from curl\n"


def test_smtputf8_and_8bitmime(httpd: Httpd, client: smtplib.SMTP) -> None:
    mail = message("grüße\n")
    client.ehlo()
    client.sendmail(
        "jürgen@example.org",
        ["jürgen@example.org"],
        mail.as_bytes(policy=email.policy.SMTPUTF8),
        mail_options=["SMTPUTF8", "BODY=8BITMIME"],
    )
    (path,) = (httpd.state / "mail/jürgen/new").iterdir()
    assert path.read_bytes().startswith("Return-Path: <jürgen@example.org>\n".encode())
    assert b" with UTF8SMTP id " in path.read_bytes()
    said = raw(httpd, "EHLO x", "MAIL FROM:<jürgen@example.org>", "MAIL FROM:<a@b>", "RCPT TO:<jürgen@example.org>")
    assert said == ["220", "250", "553", "250", "553"]


START = ("EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<alice@example.org>")
UTF8 = ("EHLO x", "MAIL FROM:<a@b> SMTPUTF8")
LETTER = "\U0001d51e"  # a letter that has four bytes


def test_pipelining(httpd: Httpd) -> None:
    mail = [*START[1:], "DATA", "Subject: one", "", "one", "."]
    said = raw(httpd, "EHLO x", *mail, *mail, "NOOP", "RSET", "VRFY alice", "HELP", "QUIT", "NOOP")
    assert said == ["220", "250", *["250", "250", "354", "250"] * 2, "250", "250", "252", "214", "221"]
    assert len(box(httpd, "alice")) == 2


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["MAIL FROM:<a@b>"], "503"),
        (["EHLO"], "501"),
        (["EHLO a b"], "501"),
        (["HELO x", "MAIL FROM:<a@b>"], "250 250"),
        (["EHLO x", "RCPT TO:<alice@example.org>", "DATA"], "250 503 503"),
        (["EHLO x", "MAIL FROM:a@b", "MAIL TO:<a@b>", "MAIL FROM:<a@b> X=Y"], "250 501 501 555"),
        (["EHLO x", "MAIL FROM:<a@b> SIZE=1000001", "MAIL FROM:<a@b> SIZE=" + "9" * 400], "250 552 552"),
        (["EHLO x", "MAIL FROM:<a@b> SIZE=1000000", "MAIL FROM:<a@b>"], "250 250 503"),
        (["EHLO x", "MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8 AUTH=<>", "RCPT FROM:<x@y>"], "250 250 501"),
        ([*START, "RCPT TO:<alice@example.org> X=Y", "DATA x"], "250 250 250 555 501"),
        ([*START[:2], "RCPT TO:<nobody@example.org>", "DATA"], "250 250 550 503"),
        ([*START[:2], "RCPT TO:<alice@elsewhere.example>", "RCPT TO:<alice>", "DATA"], "250 250 550 550 503"),
        ([*START[:2], "RCPT TO:<../alice@example.org>", "RCPT TO:<..@example.org>"], "250 250 550 550"),
        ([*START[:2], f"RCPT TO:<{'a' * 64}@example.org>", f"RCPT TO:<{'a' * 252}@example.org>"], "250 250 550 501"),
        ([*UTF8, f"RCPT TO:<{LETTER * 16}@example.org>", f"RCPT TO:<{LETTER * 64}@example.org>"], "250 250 550 501"),
        ([*START[:2], "RCPT TO:<@relay,@x:alice@example.org>"], "250 250 250"),
        ([*START, "EHLO x", "DATA"], "250 250 250 250 503"),
        ([*START, "RSET", "DATA"], "250 250 250 250 503"),
        (["EXPN x", "\xff\xfe", "GET / HTTP/1.1"], "502 500 500"),
        (["x"] * 20, "500 " * 10 + "421"),
        (["NOOP " + "x" * 3000], "500"),
        (["AUTH PLAIN x"], "502"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_out_of_place(httpd: Httpd, lines: list[str], codes: str) -> None:
    assert raw(httpd, *lines) == ["220", *codes.split()]


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
def test_replies_have_the_words_of_the_rfcs(httpd: Httpd, lines: list[str], last: str) -> None:
    said = replies(httpd, *lines)
    assert said[0] == GREETING
    assert said[-1] == last
    in_data = [line for line in said if line.startswith("354")]
    assert in_data == [INPUT] * ("DATA" in lines and last[:3] != "503")
    # RFC 2034: a code of the same class in each reply, but for the greeting and those to EHLO and HELO.
    hello = lines[0][:4] in ("EHLO", "HELO")
    assert all(re.match(r"(\d)\d\d \1\.\d\.\d+ ", line) for line in said[1 + hello :] if line not in in_data), said


def test_replies_to_auth_have_the_words_of_the_rfc(httpd: Httpd) -> None:
    httpd.expect("user alice: authentication failure")
    credentials = [base64.b64encode(f"\0alice\0{password}".encode()).decode() for password in ("wrong", SECRET)]
    with secure(httpd) as client:
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


def test_smtplib_reads_the_replies(httpd: Httpd, client: smtplib.SMTP) -> None:
    assert client.ehlo()[1].decode().splitlines()[0] == "mx.example.org"
    assert client.mail("a@b") == (250, b"2.1.0 OK")
    assert client.rcpt("alice@example.org") == (250, b"2.1.5 OK")
    code, text = client.data(b"Subject: x\r\n\r\nx\r\n")
    (path,) = (httpd.state / "mail/alice/new").iterdir()
    assert (code, text.decode()) == (250, f"2.6.0 OK: message accepted as {path.name}")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail("a@b", ["nobody@example.org"], "x")
    assert refused.value.recipients == {"nobody@example.org": (550, b"5.1.1 No such user here")}
    many = [f"u{number}@example.org" for number in range(101)]
    for user in many:
        (httpd.state / f"mail/{user.partition('@')[0]}/new").mkdir(parents=True)
    client.mail("a@b")
    assert [client.rcpt(user) for user in many][-1] == (452, b"4.5.3 Too many recipients: at most 100")
    assert client.quit() == (221, b"2.0.0 mx.example.org Service closing transmission channel")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\n.\r", b"\r.\r\n"], ids=repr)
def test_smuggled_ends_are_none(httpd: Httpd, end: bytes) -> None:
    body = b"Subject: x\r\n\r\nbody" + end + b"MAIL FROM:<eve@b>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nmore\r\n."
    assert raw(httpd, *START, "DATA", body, "NOOP") == ["220", "250", "250", "250", "354", "554", "250"]
    assert box(httpd, "alice") == box(httpd, "bob") == []


def test_limits_of_a_message(httpd: Httpd, client: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail("a@b", "alice@example.org", "x\r\n" * 400_000)
    line = b"x" * 998
    assert raw(httpd, *START, "DATA", b"", *[line] * 1100, b".", "NOOP")[-3:] == ["354", "552", "250"]
    assert raw(httpd, *START, "DATA", *["Received: x"] * 101, b"", b".", "NOOP")[-3:] == ["354", "554", "250"]
    assert raw(httpd, *START, "DATA", b"", *["Received: x"] * 101, b".", "NOOP")[-3:] == ["354", "250", "250"]
    assert raw(httpd, *START, "DATA", b"x" * 70_000, b".", "NOOP")[-2:] == ["354", "500"]
    many = [f"RCPT TO:<{'postmaster' if number else 'alice'}@example.org>" for number in range(3)]
    assert raw(httpd, *START, *many, "DATA", b"", b".")[-2:] == ["354", "250"]
    assert len(box(httpd, "alice")) == 2
    assert len(box(httpd, "postmaster")) == 1


def test_a_message_without_end_is_none(httpd: Httpd) -> None:
    assert raw(httpd, *START, "DATA", b"half a message")[-1:] == ["421"]
    with httpd.connect(httpd.port_of("MAIL_PORT")) as connection:
        connection.sendall("\r\n".join([*START, "DATA", "half"]).encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with httpd.connect(httpd.port_of("MAIL_PORT")) as connection:
        connection.sendall("\r\n".join([*START, "DATA", "half"]).encode())
        begin, said = time.monotonic(), b""
        while part := connection.recv(1000):
            said += part
    assert 2.5 < time.monotonic() - begin < 6
    assert said.endswith(f"\r\n421 4.4.2 {CLOSING}: timeout exceeded\r\n".encode())
    assert box(httpd, "alice") == []


def test_a_disk_that_fails(httpd: Httpd) -> None:
    httpd.expect(r"SMTP: cannot deliver message \S+: .*No such file")
    shutil.rmtree(httpd.state / "mail/alice/tmp")
    assert raw(httpd, *START, "DATA", b"", b"x", b".", "NOOP")[-3:] == ["354", "451", "250"]
    (httpd.state / "mail/alice/tmp").mkdir()
    assert box(httpd, "alice") == []


def test_a_disk_that_does_not_tell_of_users_refuses_nobody_for_good(httpd: Httpd) -> None:
    httpd.expect("SMTP: cannot look up a recipient's Maildir: .*Permission denied")
    folder = httpd.state / "mail/alice"
    mode = folder.stat().st_mode
    folder.chmod(0)
    try:
        assert raw(httpd, *START, "QUIT")[-2:] == ["451", "221"]
    finally:
        folder.chmod(mode)


def test_maildir_names_are_those_of_a_maildir(httpd: Httpd, client: smtplib.SMTP) -> None:
    for _ in range(20):
        client.sendmail("a@b", "alice@example.org", "x")
    names = [path.name for path in Path(httpd.state / "mail/alice/new").iterdir()]
    assert len(names) == 20
    assert all(name.split(".")[0].isdecimal() and ":" not in name and "/" not in name for name in names)
