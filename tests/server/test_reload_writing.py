"""Files that are being written, or are half of what they will be: the version before them goes on to be used."""

import os
import py_compile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from reloading import ONE_THREAD, until

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
DOORS = ("begun", "open", "first", "empty-ma", "empty-in", "purpose", "times", "rights")
CONF = ONE_THREAD
CONF += """
<Directory ${HTDOCS}/named>
    PythonHandler page::show
    <Files "second">
        PythonHandler page::second
    </Files>
    <Files "method">
        PythonHandler page::Gate.show
    </Files>
    <Files "imports">
        PythonHandler imports
    </Files>
</Directory>
"""
CONF += "".join(
    f"""
<Directory ${{HTDOCS}}/{folder}>
    PythonAccessHandler door
    PythonHandler page
</Directory>
"""
    for folder in DOORS
)
NO_DOOR = "def accesshandler(req):\n    return 0\n"
DOOR = "import rules\ndef accesshandler(req):\n    return 403 if req.args in rules.refused else 0\n"
RULES = "refused = set()\nrefused.add('mallory')\n"
PAGE = "def handler(req):\n    req.write('{value}')\n    return 0\n"


def put(httpd: Httpd, folder: str) -> Path:
    httpd.write(f"{folder}/door.py", DOOR)
    httpd.write(f"{folder}/page.py", PAGE.format(value=1))
    return httpd.write(f"{folder}/rules.py", RULES)


def stays_refused(httpd: Httpd, folder: str, seconds: float = 0.5) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert httpd.get(f"/{folder}/?mallory").status == 403
        time.sleep(0.02)


def test_a_file_is_not_read_before_it_is_closed(httpd: Httpd) -> None:
    rules = put(httpd, "open")
    stays_refused(httpd, "open")
    with rules.open("w") as file:
        file.write("refused = {'carol'}\n")
        file.flush()
        stays_refused(httpd, "open")
        # Another file of the folder has changed.
        httpd.write("open/page.py", PAGE.format(value=2))
        until(httpd, "/open/?alice", "2")
        stays_refused(httpd, "open")
        assert httpd.get("/open/?carol").text == "2"
        file.write("refused.add('mallory')\n")
    end = time.monotonic() + 20
    while httpd.get("/open/?carol").status != 403:
        assert time.monotonic() < end
    assert httpd.get("/open/?mallory").status == 403


def test_writing_that_begins_right_after_the_first_request(httpd: Httpd) -> None:
    """The folder is watched from the time before its first file was read."""
    rules = put(httpd, "first")
    assert httpd.get("/first/?mallory").status == 403
    with rules.open("w") as file:
        file.write("refused = set()\n")
        file.flush()
        time.sleep(0.3)
        stays_refused(httpd, "first")


def test_the_first_import_of_a_file_that_is_being_written(httpd: Httpd) -> None:
    """There is no version before it, so it is waited for."""
    httpd.write("begun/door.py", NO_DOOR)
    httpd.expect("No module named 'page'")
    assert httpd.get("/begun/x").status == 500
    with (httpd.htdocs / "begun/page.py").open("w") as file:
        file.write("# not yet\n")
        file.flush()
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(httpd.get, "/begun/x")
            time.sleep(0.3)
            file.write(PAGE.format(value=1))
            file.close()
            assert answer.result().text == "1"


@pytest.mark.parametrize("how", ["made anew", "in place"])
def test_an_empty_file_is_not_read_while_it_is_open(httpd: Httpd, how: str) -> None:
    folder = f"empty-{how[:2]}"
    rules = put(httpd, folder)
    stays_refused(httpd, folder, 0.3)
    if how == "made anew":
        rules.unlink()
        stays_refused(httpd, folder, 0.3)
    with rules.open("w") as file:
        stays_refused(httpd, folder)
        file.write("refused = {'carol'}\n")
    end = time.monotonic() + 20
    while httpd.get(f"/{folder}/?carol").status != 403:
        assert time.monotonic() < end
    assert httpd.get(f"/{folder}/?mallory").status == 200


def test_a_file_that_is_made_empty_on_purpose(httpd: Httpd) -> None:
    httpd.write("purpose/door.py", NO_DOOR)
    page = "import rules\ndef handler(req):\n    req.write(str(hasattr(rules, 'refused')))\n    return 0\n"
    httpd.write("purpose/page.py", page)
    rules = httpd.write("purpose/rules.py", RULES)
    assert httpd.get("/purpose/").text == "True"
    rules.unlink()
    rules.touch()
    rules.chmod(0o644)
    until(httpd, "/purpose/", "False")


NAMED = """
def show(req):
    req.write("{value}")
    return 0
class Gate:
    def __init__(self, req):
        pass
    {rest}def show(self, req):
        return show(req)
second = show
"""


@pytest.mark.parametrize(("asked", "lost"), [("", "second"), ("method", "Gate.show"), ("imports", "second")])
def test_half_of_a_file_lacks_what_another_handler_names(httpd: Httpd, asked: str, lost: str) -> None:
    """No request has come for that handler yet."""
    whole = NAMED.replace("{rest}", "")
    httpd.write("named/page.py", whole.format(value=1))
    httpd.write("named/imports.py", "import page\ndef handler(req):\n    return page.show(req)\n")
    httpd.write("named/x", "")
    for name in (asked, "imports"):
        until(httpd, f"/named/{name}", "1")
    httpd.allow(f"page.py has no '{lost}', as the one in use has")
    since = httpd.error_log.stat().st_size
    half = NAMED.partition("second")[0].replace("{rest}", "")
    if lost == "Gate.show":
        half = NAMED.partition("    {rest}")[0] + "second = show\n"
    httpd.write("named/page.py", half.format(value=2))
    end = time.monotonic() + 20
    while f"has no '{lost}'" not in httpd.error_text(since):
        assert time.monotonic() < end
        assert httpd.get(f"/named/{asked}").text == "1"
    for name in ("", "second", "method", "imports"):
        assert httpd.get(f"/named/{name}").text == "1"
    httpd.write("named/page.py", whole.format(value=3))
    for name in ("", "second", "method", "imports"):
        until(httpd, f"/named/{name}", "3")


def test_a_change_that_leaves_length_and_time_as_they_were(httpd: Httpd) -> None:
    httpd.write("times/door.py", NO_DOOR)
    page = httpd.write("times/page.py", PAGE.format(value=1))
    os.utime(page, (10**9, 10**9))
    py_compile.compile(str(page), doraise=True)
    for value in (1, 2, 3):
        page.write_text(PAGE.format(value=value))
        os.utime(page, (10**9, 10**9))
        until(httpd, "/times/", f"{value}")


def test_new_rights_of_a_file_leave_its_module_as_it_is(httpd: Httpd) -> None:
    httpd.write("rights/door.py", NO_DOOR)
    counter = "import itertools\ncount = itertools.count(1)\n"
    page = counter + "def handler(req):\n    req.write(str(next(count)))\n    return 0\n"
    path = httpd.write("rights/page.py", page)
    assert httpd.get("/rights/").text == "1"
    time.sleep(0.3)
    path.chmod(0o640)
    path.chmod(0o644)
    for wanted in range(2, 12):
        assert httpd.get("/rights/").text == f"{wanted}"
        time.sleep(0.03)
