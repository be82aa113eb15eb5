"""mod_python.protocols.smtp: mail of smtplib, swaks and curl, read by mailbox; and what is refused."""

import base64
import email.policy
import hashlib
import mailbox
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


def raw(httpd: Httpd, *lines: bytes | str, port: str = "MAIL_PORT") -> list[str]:
    """The codes of the replies to lines that are sent all at once."""
    data = b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)
    answers = httpd.raw(data, port=httpd.port_of(port), half_close=True).decode().split("\r\n")
    return [line[:3] for line in answers[:-1] if line[3:4] != "-"]


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
    assert said.endswith(b": timeout exceeded\r\n")
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
