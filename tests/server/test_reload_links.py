"""Deployments that make a link lead to another release: it shows, and each answer is of one release as a whole."""

import os
import threading
import time
from pathlib import Path

import pytest

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
CONF = """
SetHandler mod_python
<IfModule mpm_event_module>
    ServerLimit 1
    StartServers 1
    ThreadsPerChild 4
    MaxRequestWorkers 4
</IfModule>
<IfModule mpm_prefork_module>
    ServerLimit 3
    StartServers 3
    MinSpareServers 3
    MaxSpareServers 3
    MaxRequestWorkers 3
</IfModule>
<Location "/path">
    PythonPath "['${HANDLERS}/path/current/lib'] + sys.path"
    PythonHandler shop.pages.front
</Location>
<Location "/files">
    PythonHandler ${HANDLERS}/files/current/front.py
</Location>
<Directory ${HTDOCS}/linked>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/package>
    PythonHandler page
</Directory>
"""
FRONT = """
{imports}
from mod_python import apache
value = {value}
def handler(req):
    req.write(f"{{value}} {{base.value}} {{tools.value}}", 0)
    return 0
"""


def until(httpd: Httpd, path: str, wanted: str) -> None:
    """Ask until some answers in a row are the wanted one: there are several children."""
    end = time.monotonic() + 20
    count = 0
    while count < 12:
        answer = httpd.get(path).text
        count = count + 1 if answer == wanted else 0
        assert count or time.monotonic() < end, answer
        time.sleep(0.01)


def swap(link: Path, target: str) -> None:
    """As `ln -sfn` does since coreutils 8.22, and each tool that deploys: there is always one of both."""
    new = link.with_name("new")
    new.symlink_to(target)
    new.rename(link)


def release(folder: Path, value: int) -> None:
    """Put a release, whose files have the times and lengths of those of the others."""
    path, files = FRONT.format(imports="from shop.models import base\nimport tools", value=value), "import base, tools"
    texts = {
        "lib/shop/__init__.py": "",
        "lib/shop/pages/__init__.py": "from . import front\n",
        "lib/shop/pages/front.py": path,
        "lib/shop/models/__init__.py": "",
        "lib/shop/models/base.py": f"from tools import value\nassert value == {value}\n",
        "lib/tools.py": f"value = {value}\n",
        "front.py": FRONT.format(imports=files, value=value),
        "base.py": f"from tools import value\nassert value == {value}\n",
        "tools.py": f"value = {value}\n",
    }
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, (10**9, 10**9))
    for each in folder.rglob("*"):
        if each.is_dir():
            os.utime(each, (10**9, 10**9))


@pytest.mark.parametrize("folder", ["path", "files"])
def test_a_link_is_swapped_while_requests_run(httpd: Httpd, folder: str) -> None:
    place = httpd.handlers / folder
    for value in (1, 2, 3):
        release(place / f"releases/{value}", value)
    swap(place / "current", "releases/1")
    until(httpd, f"/{folder}", "1 1 1")
    httpd.allow("its changed version cannot be used|AssertionError")
    answers = set()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers.add(httpd.get(f"/{folder}").text)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for value in (2, 3, 1, 2, 1, 3):
            swap(place / "current", f"releases/{value}")
            until(httpd, f"/{folder}", f"{value} {value} {value}")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert answers == {"1 1 1", "2 2 2", "3 3 3"}


@pytest.mark.parametrize("kind", ["linked", "package"])
def test_a_link_to_a_file_behind_a_link_that_is_swapped(httpd: Httpd, kind: str) -> None:
    """The file, or a file that it imports, is such a link; there is another link on the way."""
    for value in (1, 2, 3):
        httpd.write(f"{kind}-releases/{value}/inner/rules.py", f"value = {value}\n")
        os.utime(httpd.htdocs / f"{kind}-releases/{value}/inner/rules.py", (10**9, 10**9))
    swap(httpd.htdocs / f"{kind}-current", f"{kind}-releases/1")
    (httpd.htdocs / f"{kind}-again.py").symlink_to(f"{kind}-current/inner/../inner/rules.py")
    if kind == "linked":
        httpd.write(
            "linked/page.py", "import rules\ndef handler(req):\n    req.write(str(rules.value))\n    return 0\n"
        )
        (httpd.htdocs / "linked/rules.py").symlink_to(f"../{kind}-again.py")
    else:
        text = "from box import value\ndef handler(req):\n    req.write(str(value))\n    return 0\n"
        httpd.write("package/page.py", text)
        httpd.write("package/box/x", "")
        (httpd.htdocs / "package/box/__init__.py").symlink_to(httpd.htdocs / f"{kind}-again.py")
    until(httpd, f"/{kind}/", "1")
    for value in (2, 3, 1):
        swap(httpd.htdocs / f"{kind}-current", f"{kind}-releases/{value}")
        until(httpd, f"/{kind}/", f"{value}")
