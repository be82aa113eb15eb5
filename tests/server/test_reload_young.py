"""Files that somebody may be writing though the kernel has not told of it, and versions that fail in unusual ways."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from reloading import ONE_THREAD, until

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
CONF = ONE_THREAD + "".join(
    f"""
<Directory ${{HTDOCS}}/{folder}>
    PythonHandler page
</Directory>
"""
    for folder in ("anew", "package", "touched", "lost", "later", "named", "depth", "repr", "slots")
)
PAGE = "def handler(req):\n    req.write('{value}')\n    return 0\n"
# While a file is younger, nobody may read it.
YOUNG = 2.0


def stays(httpd: Httpd, path: str, wanted: str, file: Path) -> None:
    """Ask as long as the file is young. An answer that comes late says nothing."""
    while time.time() < file.stat().st_mtime + YOUNG - 0.5:
        answer = httpd.get(path).text
        if time.time() < file.stat().st_mtime + YOUNG:
            assert answer == wanted
        time.sleep(0.02)


def test_a_file_that_is_open_before_its_new_folder_is_watched(httpd: Httpd) -> None:
    page = httpd.write("anew/page.py", PAGE.format(value="old"))
    until(httpd, "/anew/", "old")
    folder = page.parent
    folder.rename(httpd.htdocs / "anew.before")
    folder.mkdir()
    with page.open("w") as file:
        file.write(PAGE.format(value="half"))
        file.flush()
        stays(httpd, "/anew/", "old", page)
        file.write(PAGE.format(value="whole"))
    until(httpd, "/anew/", "whole")


def test_a_new_package_that_is_being_written(httpd: Httpd) -> None:
    httpd.write("package/page.py", PAGE.format(value="old"))
    until(httpd, "/package/", "old")
    init = httpd.htdocs / "package/rules/__init__.py"
    init.parent.mkdir()
    with init.open("w") as file:
        file.write("value = 'half'\n")
        file.flush()
        httpd.write("package/page.py", "import rules\n" + PAGE.format(value="{}").replace("'{}'", "rules.value"))
        stays(httpd, "/package/", "old", init)
        file.write("value = 'whole'\n")
    until(httpd, "/package/", "whole")


def test_another_process_touches_a_file_that_is_open(httpd: Httpd) -> None:
    page = httpd.write("touched/page.py", PAGE.format(value="old"))
    until(httpd, "/touched/", "old")
    with page.open("w") as file:
        file.write(PAGE.format(value="half"))
        file.flush()
        with page.open("a") as other:
            os.utime(other.fileno())
        stays(httpd, "/touched/", "old", page)
        file.write(PAGE.format(value="whole"))
    until(httpd, "/touched/", "whole")


def test_the_kernel_loses_events_while_a_file_is_open(httpd: Httpd) -> None:
    """It keeps 16384 of them, see /proc/sys/fs/inotify/max_queued_events, and no request takes any meanwhile."""
    page = httpd.write("lost/page.py", PAGE.format(value="old"))
    until(httpd, "/lost/", "old")
    with page.open("w") as file:
        file.write(PAGE.format(value="half"))
        file.flush()
        time.sleep(0.2)
        assert httpd.get("/lost/").text == "old"
        other = page.with_name("other.txt")
        other.touch()
        for _ in range(4200):
            # Two events each.
            os.rename(other, f"{other}.new")  # noqa: PTH104
            os.rename(f"{other}.new", other)  # noqa: PTH104
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert httpd.get("/lost/").text == "old"
            time.sleep(0.02)
        file.write(PAGE.format(value="whole"))
    until(httpd, "/lost/", "whole")


@pytest.mark.parametrize("begins_as", ["module", "nothing"])
def test_a_folder_that_gets_its_init_file_later(httpd: Httpd, begins_as: str) -> None:
    name = f"extra_{begins_as}"
    top = f"try:\n    from {name} import value\nexcept ImportError:\n    value = 'none'\n"
    httpd.write("later/page.py", top + PAGE.format(value="{}").replace("'{}'", "value"))
    if begins_as == "module":
        module = httpd.write(f"later/{name}.py", "value = 'module'\n")
        until(httpd, "/later/", "module")
        module.unlink()
    else:
        until(httpd, "/later/", "none")
    (httpd.htdocs / "later" / name).mkdir()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        httpd.get("/later/")
        time.sleep(0.05)
    for value in ("package", "again"):
        httpd.write(f"later/{name}/__init__.py", f"value = '{value}'\n")
        until(httpd, "/later/", value)


def test_a_module_of_a_namespace_package_by_its_path(httpd: Httpd) -> None:
    httpd.write("named/lib/space/mod.py", "value = 'found'\n")
    text = "from mod_python import apache\nimport os\ndef handler(req):\n"
    text += "    path = [os.path.dirname(__file__) + '/lib']\n"
    text += "    req.write(apache.import_module('space.mod', path=path).value)\n    return 0\n"
    httpd.write("named/page.py", text)
    assert httpd.get("/named/").text == "found"
    httpd.write("named/lib/space/mod.py", "value = 'new'\n")
    until(httpd, "/named/", "new")


def _deep() -> str:
    return "def f():\n    f()\nf()\n"


def _speechless() -> str:
    return "class E(Exception):\n    def __repr__(self): return self.nothing\n    __str__ = __repr__\nraise E()\n"


@pytest.mark.parametrize(
    ("folder", "text", "word"), [("depth", _deep, "RecursionError"), ("repr", _speechless, "E: <")]
)
def test_a_version_that_fails_strangely_is_logged_once(
    httpd: Httpd, folder: str, text: Callable[[], str], word: str
) -> None:
    page = httpd.write(f"{folder}/page.py", PAGE.format(value="old"))
    until(httpd, f"/{folder}/", "old")
    httpd.expect("its changed version cannot be used", word)
    since = httpd.error_log.stat().st_size
    page.write_text(text())
    end = time.monotonic() + 20
    while word not in httpd.error_text(since):
        assert time.monotonic() < end
        assert httpd.get(f"/{folder}/").text == "old"
    for _ in range(10):
        assert httpd.get(f"/{folder}/").text == "old"
        time.sleep(0.1)
    assert httpd.error_text(since).count("cannot be used") == 1
    page.write_text(PAGE.format(value="new"))
    until(httpd, f"/{folder}/", "new")


def test_a_module_that_is_replaced_by_an_object_without_a_dict(httpd: Httpd) -> None:
    text = "import sys\nclass App:\n    __slots__ = ()\n    def handler(self, req):\n"
    text += "        req.write('{value}')\n        return 0\nsys.modules[__name__] = App()\n"
    for value in (1, 2, 3):
        httpd.write("slots/page.py", text.format(value=value))
        until(httpd, "/slots/", f"{value}")
