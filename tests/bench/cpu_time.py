"""CPU time of a child of httpd under load, for benches. Needs ab (Debian: apache2-utils)."""

import re
import shutil
import subprocess
import sys
import tempfile
import time

from httpd import Httpd


def need_ab(name: str) -> None:
    """End the bench of this name if ab is missing."""
    if shutil.which("ab") is None:
        sys.exit(f"{name}: ab is missing: install the package apache2-utils")


def send(url: str, requests: int, *, at_once: int = 4, body: bytes = b"") -> None:
    """Send so many requests from core 1, each with this body if there is one; raise RuntimeError if one fails."""
    command = ["taskset", "-c", "1", "ab", "-q", "-k", "-n", str(requests), "-c", str(at_once)]
    with tempfile.NamedTemporaryFile() as file:
        if body:
            file.write(body)
            file.flush()
            command += ["-p", file.name, "-T", "text/plain"]
        done = subprocess.run([*command, url], check=True, capture_output=True, text=True)
    if "Non-2xx" in done.stdout or not re.search(r"^Failed requests:\s+0$", done.stdout, re.MULTILINE):
        raise RuntimeError(f"requests of {url} failed:\n{done.stdout}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, in seconds, from the clock of its scheduler: /proc tells it in hundredths."""
    return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3), which Python does not have


def measure(httpd: Httpd, path: str, requests: int, *, at_once: int = 4, body: bytes = b"") -> float:
    """CPU time per request of httpd's only child, in microseconds."""
    (child,) = httpd.children()
    before = cpu_seconds(child)
    send(httpd.url(path), requests, at_once=at_once, body=body)
    return (cpu_seconds(child) - before) / requests * 1e6
