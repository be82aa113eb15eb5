"""What a child of prefork costs that serves few requests, and what fifty hold; beside mod_wsgi and plain httpd.

By hand: target/venv/bin/python tests/bench/children.py [--rounds N]; needs root for /proc/PID/smaps_rollup, and for
the rows of mod_wsgi Debian's package libapache2-mod-wsgi-py3. Each child of `MaxConnectionsPerChild 10` serves ten
requests; their CPU time is that of the children and of the parent, which forks them. The least of the rounds is shown.
"""

import argparse
import compileall
import os
import subprocess
import sys
import threading
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402

MOD_WSGI = Path("/usr/lib/apache2/modules/mod_wsgi.so")
HANDLER = """
from mod_python import apache


def handler(req):
    req.content_type = "text/plain"
    req.write("Hello\\n")
    return apache.OK
"""
APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"Hello\\n"]
"""
CONTENTS = {
    "plain httpd": "",
    "mod_python": "SetHandler mod_python\nPythonHandler hello\n",
    "mod_wsgi": f"LoadModule wsgi_module {MOD_WSGI}\nWSGIScriptAlias / ${{HANDLERS}}/hello.wsgi\n",
}
FEW = "MaxConnectionsPerChild 10\n"
FIFTY = "StartServers 50\nMinSpareServers 50\nMaxSpareServers 60\nServerLimit 60\nMaxRequestWorkers 60\n"
REQUESTS = 500


def start(name: str, conf: str) -> Httpd:
    """A server that is to be entered, with the handler, and the package compiled as an installation has it."""
    httpd = Httpd(CONTENTS[name] + conf, mpm="prefork", with_python=name == "mod_python", allow=[".*"])
    httpd.handler("hello.py", HANDLER)
    httpd.handler("hello.wsgi", APPLICATION)
    httpd.write("x", b"Hello\n")
    if name == "mod_python":
        compileall.compile_dir(httpd.folder / "python", quiet=1)
    compileall.compile_dir(httpd.handlers, quiet=1)
    subprocess.run(["chmod", "-R", "a+rX", httpd.folder / "python", httpd.handlers], check=True)
    return httpd


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")


def cost_of_short_lives(name: str) -> float:
    """CPU time per request in milliseconds, where each child serves ten."""
    with start(name, FEW) as httpd:
        httpd.get("/x")

        def total() -> float:
            return cpu_seconds(httpd.parent_pid) + sum(cpu_seconds(pid) for pid in httpd.children())

        before = total()
        for _ in range(REQUESTS):
            assert httpd.get("/x").status == 200
        return (total() - before) / REQUESTS * 1000


def proportional_set_size(pid: int) -> int:
    """PSS in KiB: pages that several processes share count in parts (proc(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def memory_of_fifty(name: str) -> float:
    """PSS in MiB of the parent and fifty children of prefork, each of which has served requests."""
    with start(name, FIFTY) as httpd:
        while len(httpd.children()) < 50:
            pass
        for _ in range(20):
            clients = [threading.Thread(target=httpd.get, args=("/x",)) for _ in range(50)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
        return sum(proportional_set_size(pid) for pid in [httpd.parent_pid, *httpd.children()[:50]]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = range(parser.parse_args().rounds)
    names = [name for name in CONTENTS if name != "mod_wsgi" or MOD_WSGI.exists()]
    for name in names:
        cost = min(cost_of_short_lives(name) for _ in rounds)
        print(f"{name:12} {cost:7.2f} ms of CPU a request, ten a child")
    for name in names:
        size = min(memory_of_fifty(name) for _ in rounds)
        print(f"{name:12} {size:7.1f} MiB of PSS, fifty children")


if __name__ == "__main__":
    main()
