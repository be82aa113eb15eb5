"""Each of conf-examples/*.conf does what its first lines say, so what scripts/demo prints is true."""

import subprocess
from pathlib import Path

import pytest

from demo import EXAMPLES, tries
from httpd import is_bad
from server import Server

# What an example needs: by its name, modules of Debian's Python, which are in packages called python3-MODULE.
# tests/asgi/test_framework_examples.py runs the last two with the packages of the tests.
NEEDED = {
    "flask": ["flask"],
    "django": ["django"],
    "two-sites": ["django", "flask"],
    "fastapi": ["fastapi", "multipart"],
    "starlette": ["starlette"],
}
# Lines in the error log that an example is known for: httpbin says at its start that a package is missing, and a proxy
# that it cannot reach a server.
ALLOWED = {"httpbin": "flasgger", "proxy": "127.0.0.1:1 does not answer"}


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.conf")), ids=lambda path: path.stem)
def test_example(example: Path) -> None:
    for module in NEEDED.get(example.stem, ()):
        if subprocess.run(["/usr/bin/python3", "-c", f"import {module}"], capture_output=True, check=False).returncode:
            pytest.skip(f"the package python3-{module} is missing")
    conf = example.read_text()
    attempts = tries(conf)
    assert attempts, "the first lines say nothing to try"
    with Server(conf) as server:
        for attempt in attempts:
            command = server.expand(attempt.command)
            done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
            output = done.stdout.decode(errors="replace")
            for answer in attempt.answers:
                if server.expand(answer) not in output:
                    seen = f"$ {command}\n{output[:2000]}{done.stderr.decode()}\nerror log:\n{server.error_text()}"
                    pytest.fail(f"not seen: {answer}\n{seen}", pytrace=False)
        bad = [line for line in server.error_text().splitlines() if is_bad(line)]
        if example.stem in ALLOWED:
            bad = [line for line in bad if ALLOWED[example.stem] not in line]
    assert not bad
