"""The ways in which editors and deployments write files: each of them shows, and nothing that is half written does."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from reloading import ONE_THREAD, until

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
WAYS = ("in_place", "renames", "keeps_backup", "deletes", "sed", "copies", "pieces", "git", "folder")
CONF = ONE_THREAD + "".join(
    f"""
<Directory ${{HTDOCS}}/{name}>
    PythonHandler page
</Directory>
"""
    for name in (*WAYS, "current", "median")
)
PAGE = """
import rules
value = {value}
def handler(req):
    if value != rules.value:
        raise ValueError(f"{{value}} and {{rules.value}}")
    req.write(f"{{value}} {{rules.last}}")
    return 0
"""
RULES = "value = {value}\n" + "# long enough for many pieces\n" * 200 + "last = {value}\n"


def texts(value: int) -> dict[str, str]:
    """The files of a version: they work with each other only."""
    return {"rules.py": RULES.format(value=value), "page.py": PAGE.format(value=value)}


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def renames(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.X3dF9a")
    new.write_text(text)
    new.chmod(0o644)
    new.rename(file)


def keeps_backup(file: Path, text: str) -> None:
    """As vim and Emacs do."""
    file.rename(f"{file}~")
    file.write_text(text)
    file.chmod(0o644)


def deletes(file: Path, text: str) -> None:
    file.unlink()
    time.sleep(0.1)
    file.write_text(text)
    file.chmod(0o644)


def sed(file: Path, text: str) -> None:
    value = text.rpartition("value = ")[2].split()[0]
    subprocess.run(["sed", "-i", f"s/^\\(value\\|last\\) = .*/\\1 = {value}/", file], check=True)


def copies(file: Path, text: str) -> None:
    """With the time of another file, which is that of years ago."""
    new = file.parent.parent / "copied"
    new.write_text(text)
    new.chmod(0o644)
    os.utime(new, (10**9, 10**9))
    subprocess.run(["cp", "-p", new, file], check=True)


def pieces(file: Path, text: str) -> None:
    with file.open("w") as stream:
        for at in range(0, len(text), 1000):
            time.sleep(0.05)
            stream.write(text[at : at + 1000])
            stream.flush()


def put(httpd: Httpd, folder: str, value: int) -> None:
    for name, text in texts(value).items():
        httpd.write(f"{folder}/{name}", text)


@pytest.mark.parametrize("way", [in_place, renames, keeps_backup, deletes, sed, copies, pieces])
def test_one_file_after_the_other(httpd: Httpd, way: Callable[[Path, str], None]) -> None:
    """Each answer is of one version: a page with other rules than its own raises, and is not left in use."""
    folder = httpd.htdocs / way.__name__
    page = PAGE.replace("def handler", "assert value == rules.value\ndef handler")
    httpd.write(f"{way.__name__}/rules.py", RULES.format(value=0))
    httpd.write(f"{way.__name__}/page.py", page.format(value=0))
    until(httpd, f"/{way.__name__}/", "0 0")
    httpd.allow("its changed version cannot be used|AssertionError")
    answers = set()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers.add(httpd.get(f"/{way.__name__}/").text)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for value in (1, 2, 33):
            way(folder / "rules.py", RULES.format(value=value))
            way(folder / "page.py", page.format(value=value))
            until(httpd, f"/{way.__name__}/", f"{value} {value}")
    finally:
        stop.set()
        thread.join()
    assert answers <= {f"{value} {value}" for value in (0, 1, 2, 33)}


def test_git_checkout(httpd: Httpd) -> None:
    put(httpd, "git", 1)
    folder = httpd.htdocs / "git"

    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True)

    git("init", "-b", "one")
    for value, branch in enumerate(("one", "two", "three"), 1):
        put(httpd, "git", value)
        if value > 1:
            git("checkout", "-b", branch)
        git("add", "page.py", "rules.py")
        git("commit", "-m", branch)
    git("checkout", "one")
    httpd.allow("ValueError: .* and ")
    until(httpd, "/git/", "1 1")
    for value, branch in ((2, "two"), (1, "one"), (3, "three")):
        git("checkout", branch)
        until(httpd, "/git/", f"{value} {value}")


def test_releases_behind_a_link(httpd: Httpd) -> None:
    """All files of the new release have the times and lengths of those of the old one."""
    link = httpd.htdocs / "current"
    for value in (1, 2, 1):
        put(httpd, f"release-{value}", value)
        for file in (httpd.htdocs / f"release-{value}").iterdir():
            os.utime(file, (10**9, 10**9))
        new = httpd.htdocs / "new"
        new.symlink_to(f"release-{value}")
        new.rename(link)
        until(httpd, "/current/", f"{value} {value}")


def test_a_folder_that_is_removed_and_made_again(httpd: Httpd) -> None:
    httpd.allow("ValueError: .* and ")
    for value in (1, 2, 3):
        shutil.rmtree(httpd.htdocs / "folder", ignore_errors=True)
        put(httpd, "folder", value)
        until(httpd, "/folder/", f"{value} {value}")


@pytest.mark.alone
def test_a_change_shows_within_a_quarter_of_a_second(httpd: Httpd) -> None:
    times = []
    for value in range(21):
        put(httpd, "median", value)
        if value:
            begun = time.monotonic()
            while httpd.get("/median/").text != f"{value} {value}":
                assert time.monotonic() - begun < 20
            times.append(time.monotonic() - begun)
        else:
            until(httpd, "/median/", "0 0")
    # On a machine that has nothing else to do.
    assert sorted(times)[len(times) // 2] < 0.25 * max(1.0, os.getloadavg()[0])


def test_files_that_a_server_of_a_test_copies(tmp_path: Path) -> None:
    """`refresh()` copies what has changed, even where the length and the time are the same."""
    page = tmp_path / "handlers/page.py"
    page.parent.mkdir()

    def write(value: int) -> None:
        page.write_text(f"def handler(req):\n    req.write('{value}')\n    return 0\n")
        os.utime(page, (10**9, 10**9))

    write(1)
    with Httpd("SetHandler mod_python\nPythonHandler page\n", beside=str(tmp_path / "test_page.py")) as server:
        until(server, "/", "1")
        for value in (2, 3):
            write(value)
            server.refresh()
            until(server, "/", f"{value}")
