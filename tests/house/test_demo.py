"""scripts/demo: serves until Ctrl-C, leaves nothing behind, and says in one sentence what is wrong."""

import os
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from server import PROJECT, free_ports, processes, why_not

DEMO = [str(PROJECT / "scripts/demo"), "--port"]


def two_ports() -> int:
    """Return a free port that has a free one after it."""
    ports, claims = free_ports(100)
    for claim in claims:
        claim.close()
    return next(port for port in ports if why_not(port + 1) is None)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_told_to_end(end: signal.Signals) -> None:
    port = two_ports()
    # A session of its own, which a Ctrl-C would reach as a whole.
    demo = subprocess.Popen([*DEMO, str(port)], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert demo.stdout is not None
    guide = ""
    for line in demo.stdout:
        guide += line
        if "Ctrl-C" in line:
            break
    folder = Path(re.search(r"from (\S+);", guide)[1])  # type: ignore[index]
    assert f"$ curl -s http://localhost:{port}/hello\n" in guide
    assert "${" not in guide
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello") as answer:
        assert b"Hello from Python" in answer.read()
    os.killpg(demo.pid, end)
    assert demo.wait(timeout=30) == 0
    demo.stdout.close()
    assert not folder.exists()
    assert not [one for one in processes() if one.session == demo.pid]
    assert not [one for one in processes() if str(folder) in command_line(one.pid)]


def test_serves_any_of_the_examples() -> None:
    command = [*DEMO[:1], "protocol-finger.conf", *DEMO[1:], str(two_ports())]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert demo.stdout is not None
    guide = ""
    while "Ctrl-C" not in guide and (line := demo.stdout.readline()):
        guide += line
    [attempt, *_] = re.findall(r"^  \$ (.*)", guide, re.MULTILINE)
    done = subprocess.run(["bash", "-c", attempt], capture_output=True, text=True, timeout=60, check=False)
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.wait(timeout=30) == 0
    demo.stdout.close()
    assert "Alice Liddell" in done.stdout


def test_a_file_that_is_not_there_is_one_sentence() -> None:
    demo = subprocess.run([*DEMO[:1], "no-such.conf"], capture_output=True, text=True, check=False)
    assert demo.returncode == 1
    assert demo.stderr.startswith("demo: there is no file no-such.conf, and conf-examples has only ")
    assert "protocol-smtp.conf" in demo.stderr


def command_line(pid: int) -> str:
    """Return what a process was started with, "" if it ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_in_use_is_one_sentence(offset: int) -> None:
    port = two_ports()
    with socket.create_server(("127.0.0.1", port + offset)):
        demo = subprocess.run([*DEMO, str(port)], capture_output=True, text=True, check=False)
    assert demo.returncode == 1
    assert demo.stderr == (
        f"demo: port {port + offset} cannot be used (address already in use): "
        "give another one with --port N (it uses N and N+1).\n"
    )
