"""What `PythonAutoReload On` costs a request where nothing has changed, and how soon a change shows.

By hand: target/venv/bin/python tests/bench/reload.py [--changes N]. Shown is what each look for changes costs, in
microseconds: a request makes one for each handler. It is measured inside of the server, with a thousand modules in 50
folders, and has the looks at what the kernel has noted and the call from Python in it; the call alone is shown beside
it. Then the median and the longest time, in milliseconds, from the writing of a file to the first answer of its new
version.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402

CONF = """
<IfModule mpm_event_module>
    ServerLimit 1
    StartServers 1
    ThreadsPerChild 4
    MaxRequestWorkers 4
</IfModule>
SetHandler mod_python
<Location /cost>
    PythonHandler cost
</Location>
<Location /page>
    PythonHandler page
</Location>
"""
FOLDERS, MODULES = 50, 20
COST = """
import timeit
from mod_python import _apache
{imports}
def handler(req):
    calls = (_apache._changes, _apache._interpreter_count)
    looks, alone = (min(timeit.repeat(call, number=500_000, repeat=5)) / 0.5 for call in calls)
    req.write(f"{{looks:.3f}} {{alone:.3f}}")
    return 0
"""
PART = "value = {value}\n"
PAGE = "import part\ndef handler(req):\n    req.write(str(part.value))\n    return 0\n"


def cost(httpd: Httpd) -> tuple[float, float]:
    """Return what a look for changes costs, in microseconds, and what the call from Python is of that."""
    for folder in range(FOLDERS):
        for module in range(MODULES):
            httpd.handler(f"p{folder}/m{module}.py", "")
        httpd.handler(f"p{folder}/__init__.py", "".join(f"from . import m{module}\n" for module in range(MODULES)))
    imports = "\n".join(f"import p{folder}" for folder in range(FOLDERS))
    httpd.handler("cost.py", COST.format(imports=imports))
    httpd.get("/cost")
    looks, alone = httpd.get("/cost").text.split()
    return float(looks), float(alone)


def latencies(httpd: Httpd, changes: int) -> list[float]:
    """Return the time in seconds from each of some changes to the first answer of the new version."""
    httpd.handler("part.py", PART.format(value=0))
    httpd.handler("page.py", PAGE)
    httpd.get("/page")
    found = []
    for value in range(1, changes + 1):
        httpd.handler("part.py", PART.format(value=value))
        begun = time.monotonic()
        while httpd.get("/page").text != f"{value}":
            if time.monotonic() - begun > 20:
                raise TimeoutError(f"change {value} does not show")
        found.append(time.monotonic() - begun)
    return found


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--changes", type=int, default=50)
    with Httpd(CONF) as httpd:
        looks, alone = cost(httpd)
        print(f"a look for changes: {looks:.3f} µs, of which the call from Python is {alone:.3f} µs")
        found = latencies(httpd, parser.parse_args().changes)
        print(f"a change shows after {statistics.median(found) * 1e3:.0f} ms, at most {max(found) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
