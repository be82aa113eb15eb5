"""How much memory an interpreter takes in a child: the growth of the child by many virtual hosts, each with its own.

By hand: target/venv/bin/python tests/bench/interpreter_memory.py [--hosts N]
"""

import argparse
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402

CONF = """
ServerLimit 1
MaxRequestWorkers 16
PythonInterpreter %{SERVER}
SetHandler mod_python
PythonHandler hosted
"""
HANDLER = "import os\n\ndef handler(req):\n    req.write(req.interpreter)\n    return 0\n"
HOST = """
<VirtualHost *:${PORT}>
    ServerName site%d.example
</VirtualHost>
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=500)
    hosts = parser.parse_args().hosts
    server = Httpd(CONF + "".join(HOST % number for number in range(hosts)))
    server.handler("hosted.py", HANDLER)
    with server as httpd:
        (child,) = httpd.children()
        for number in range(hosts):
            name = f"site{number}.example"
            answer = httpd.raw(f"GET / HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
            assert answer.endswith(name.encode()), answer
            if number == 0:
                before = httpd.memory(child).now
        grown = httpd.memory(child).now - before
    print(f"{hosts} interpreters: {grown >> 10} MB, {grown / (hosts - 1) / 1024:.1f} MB each")


if __name__ == "__main__":
    main()
