"""What mod_python.protocols.smtp promises with 250: seen by strace, and kept when children are killed."""

import mailbox
import os
import re
import shutil
import signal
import smtplib
import subprocess
import threading
import time
from pathlib import Path

import pytest

from httpd import Httpd

CLIENTS = 50
LINE = "x" * 70 + "\n"
CONF = """
<IfModule mpm_event_module>
    AsyncRequestWorkerFactor 20
</IfModule>
PythonGracefulTimeout 1
Listen 127.0.0.1:${MAIL_PORT}
<VirtualHost *:${MAIL_PORT}>
    PythonConnectionHandler mod_python.protocols.smtp
    PythonOption smtp_maildir ${STATE}/mail
    PythonOption smtp_domains example.org
</VirtualHost>
"""


@pytest.fixture
def folder(httpd: Httpd) -> Path:
    folder = httpd.state / "mail"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("new", "tmp", "cur"):
        (folder / name).mkdir(parents=True)
    subprocess.run(["chown", "-R", f"--reference={httpd.state}", str(folder)], check=True)
    return folder


def deliver(httpd: Httpd, name: str, size: int) -> None:
    """Send a message of so many lines that tells by its end whether it is whole."""
    with smtplib.SMTP("127.0.0.1", httpd.port_of("MAIL_PORT"), "client.example", timeout=10) as client:
        client.sendmail("a@b", "c@example.org", f"Subject: {name}\n\n{LINE * size}end of {name}\n")


def with_whole_calls(trace: str) -> str:
    """Join the two lines of each system call that strace saw another thread interrupt, at the place of the second."""
    lines, begun = [], {}
    for line in trace.splitlines():
        thread, _, call = line.partition(" ")
        call = call.lstrip()
        if call.endswith(" <unfinished ...>"):
            begun[thread] = call.removesuffix(" <unfinished ...>")
        else:
            _, resumed, end = call.partition(" resumed>")
            lines.append(f"{thread} {begun.pop(thread, '')}{end}" if resumed else line)
    return "\n".join(lines)


def test_file_and_folder_are_synced_before_250(httpd: Httpd, folder: Path) -> None:
    trace = httpd.folder / "trace"
    (child,) = httpd.children()
    watched = "openat,write,writev,sendto,sendmsg,fsync,fdatasync,link,linkat,rename,renameat,unlink,unlinkat"
    command = ["strace", "-f", "-y", "-s", "100", "-e", f"trace={watched}", "-p", str(child), "-o", str(trace)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in (said := tracer.stderr.readline()), said
        try:
            deliver(httpd, "synced", 10)
        finally:
            tracer.terminate()
    text = with_whole_calls(trace.read_text())
    (name,) = os.listdir(folder / "new")
    steps = [
        rf'write\(\d+<{folder}/tmp/{name}>, ".*\d+',
        rf"fsync\(\d+<{folder}/tmp/{name}>\) += 0",
        rf'link(at)?\(.*"{folder}/tmp/{name}", .*"{folder}/new/{name}".*\) += 0',
        rf"fsync\(\d+<{folder}/new>\) += 0",
        r'writev?\(\d+<.*"250 2.6.0 OK: message accepted as',
    ]
    at = 0
    for step in steps:
        found = re.compile(step).search(text, at)
        assert found, f"not seen: {step}\n{text}"
        at = found.end()


def test_each_250_is_whole_in_the_maildir_though_children_are_killed(httpd: Httpd, folder: Path) -> None:
    answered: list[str] = []
    over = threading.Event()

    def work(number: int) -> None:
        count = 0
        while not over.is_set():
            name = f"{number}.{count}."
            count += 1
            try:
                deliver(httpd, name, count % 7 * 200)
            except (OSError, smtplib.SMTPException):
                continue  # the child was killed: nothing was promised
            answered.append(name)

    threads = [threading.Thread(target=work, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            before = len(answered)
            deadline = time.monotonic() + 30
            while len(answered) < before + CLIENTS and time.monotonic() < deadline:
                time.sleep(0.01)
            for child in httpd.children():
                os.kill(child, signal.SIGKILL)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    found = {}
    for message in mailbox.Maildir(folder, create=False):
        name = message["Subject"]
        text = message.get_payload()
        assert isinstance(text, str)
        assert text.endswith(f"end of {name}\n"), "only a half is there"
        found[name] = len(text)
    assert len(answered) >= 3 * CLIENTS
    assert not set(answered) - set(found)
    sizes = {name: int(name.split(".")[1]) + 1 for name in answered}
    assert all(found[name] == count % 7 * 200 * len(LINE) + len(f"end of {name}\n") for name, count in sizes.items())


def test_a_restart_is_told(httpd: Httpd, folder: Path) -> None:
    with httpd.connect(httpd.port_of("MAIL_PORT")) as connection:
        assert connection.recv(100).startswith(b"220 ")
        connection.sendall(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@example.org>\r\nDATA\r\nhalf a message")
        while not connection.recv(1000).endswith(b"<CRLF>.<CRLF>\r\n"):
            pass
        httpd.graceful()
        said = b""
        while part := connection.recv(1000):
            said += part
    closing = rb"421 4\.3\.2 \S+ Service not available, closing transmission channel: system shutdown\r\n"
    assert re.fullmatch(closing, said)
    assert not list((folder / "new").iterdir()) + list((folder / "tmp").iterdir())
