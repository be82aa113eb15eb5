"""What a child's memory does over many requests to sites in Flask and Django: nothing, after the first tenth of them.

By hand: target/venv/bin/python tests/bench/applications.py [--requests N] [flask] [django]; needs ab (apache2-utils).
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from packages import WithPackages  # noqa: E402

from soak import Sample, Soak  # noqa: E402

MOST = 1 << 10  # KiB of growth
CLIENTS = 4
CONF = """
ServerLimit 1
MaxRequestWorkers 16
MaxKeepAliveRequests 0
CustomLog /dev/null "%h"
PythonApplication / wsgi TARGET
"""


class Site(NamedTuple):
    """An application: its target, the file that has it, and what it is asked for, with a form or without."""

    target: str
    file: Path
    asked: list[tuple[str, str]]


SITES = {
    "flask": Site(
        "flask_site:create()",
        TESTS.parent / "conf-examples/handlers/flask_site.py",
        [("/", ""), ("/greet/Ann?times=2", "greeting=Welcome"), ("/none", "")],
    ),
    "django": Site(
        "compared_site",
        TESTS / "wsgi/handlers/compared_site.py",
        [("/echo?a=b", ""), ("/echo", "a=1&b=two"), ("/page/", ""), ("/lines/20", ""), ("/counted", ""), ("/none", "")],
    ),
}


def load(httpd: WithPackages, path: str, form: str, count: int) -> None:
    """Ask for a path so often."""
    command = ["ab", "-q", "-k", "-n", str(count), "-c", str(CLIENTS), "-H", "Host: site.example"]
    if form:
        command += ["-p", str(httpd.write("form", form)), "-T", "application/x-www-form-urlencoded"]
    url = f"http://127.0.0.1:{httpd.port}{path}"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    if f"Complete requests:      {count}\nFailed requests:        0\n" not in done.stdout:
        raise AssertionError(f"ab failed:\n{done.stdout}{done.stderr}")


def run(site: Site, requests: int) -> Soak:
    """Ask a site for all of its pages in ten portions of equal size, and look at the child after each."""
    with WithPackages(CONF.replace("TARGET", site.target)) as httpd:
        httpd.handler(site.file.name, site.file.read_text())
        samples, begin = [], time.monotonic()
        (child,) = httpd.children()
        each = requests // 10 // len(site.asked)
        for portion in range(1, 11):
            for path, form in site.asked:
                load(httpd, path, form, each)
            samples.append(Sample(portion * each * len(site.asked), httpd.memory(child).now))
        if httpd.children() != [child]:
            raise AssertionError("the child is another one")
        return Soak(samples, time.monotonic() - begin)


def main() -> None:
    """Measure and print; a growth beyond the budget ends with 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("sites", nargs="*", default=list(SITES), help="flask, django, or both")
    options = parser.parse_args()
    bad = 0
    for name in options.sites:
        seen = run(SITES[name], options.requests)
        bad += seen.growth() > MOST
        memory = " ".join(str(sample.memory) for sample in seen.samples)
        print(
            f"{name}: {seen.samples[-1].requests} requests in {seen.seconds:.0f} s; resident KiB after each tenth: "
            f"{memory}; growth after the first: {seen.growth():+} KiB of at most {MOST}",
            flush=True,
        )
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
