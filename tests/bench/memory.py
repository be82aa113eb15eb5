"""How much a child's peak memory grows by large bodies through streaming filters: by at most 8 MB, whatever their size.

By hand: target/venv/bin/python tests/bench/memory.py [--gigabytes N]; needs that much disk only as a sparse file.
"""

import argparse
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402

MOST = 8 << 10  # KiB
CONF = """
ServerLimit 1
MaxRequestWorkers 16
PythonOutputFilter streaming_filters::upper UPPER
PythonOutputFilter streaming_filters::hide HIDE
PythonInputFilter streaming_filters::upper IN
<Location /upper/>
    SetOutputFilter UPPER
</Location>
<Location /hide/>
    SetOutputFilter HIDE
</Location>
<Location /upload>
    SetHandler mod_python
    PythonHandler response_sources::length
    SetInputFilter IN
    LimitRequestBody 0
</Location>
"""


def run(command: list[str]) -> int:
    """Return how many bytes a command prints."""
    total = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while piece := process.stdout.read(1 << 20):
            total += len(piece)
    return total


def main() -> None:
    """Measure and print; a growth beyond the budget ends with 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=int, default=5)
    size = parser.parse_args().gigabytes << 30
    bad = 0
    with Httpd(CONF) as httpd:
        (child,) = httpd.children()
        for name in ("upper", "hide"):
            httpd.write(f"{name}/small.txt", bytes(1 << 20))
            with httpd.write(f"{name}/large.txt", b"").open("r+b") as file:
                file.truncate(size)
        for name in ("upper/", "hide/", "upload"):
            if name == "upload":
                httpd.request("POST", "/upload", bytes(1 << 20))
                sent = f"head -c {size} /dev/zero | curl -s -T - -X POST {httpd.url('/upload')}"
                command, expected = ["sh", "-c", sent], len(f"{size} None")
            else:
                httpd.get(f"/{name}small.txt")
                command, expected = ["curl", "-s", httpd.url(f"/{name}large.txt")], size
            before = httpd.memory(child).peak
            got = run(command)
            grown = httpd.memory(child).peak - before
            assert got == expected, (name, got, expected)
            bad |= grown > MOST
            print(f"{name:8} {size >> 20} MB: peak memory grew by {grown} KiB")
    sys.exit(bad)


if __name__ == "__main__":
    main()
