"""Where the kernel does not tell of changed files, they are looked at; and folders that take the place of others."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from reloading import until

from httpd import Httpd, WithoutPath

SERVER = WithoutPath
CONF = """
SetHandler mod_python
<Directory ${HTDOCS}>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/current>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/swapped>
    PythonHandler page
</Directory>
"""
# inotify(7) as it is once the user has as many instances as fs.inotify.max_user_instances allows.
REFUSING = "#include <errno.h>\nint inotify_init1(int flags) { (void)flags; errno = EMFILE; return -1; }\n"
PAGE = "def handler(req):\n    req.write('{value}')\n    return 0\n"


@pytest.fixture
def library() -> Iterator[Path]:
    """A library to preload, where httpd's children can read it."""
    with tempfile.TemporaryDirectory(prefix="mod_python.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "refusing.c").write_text(REFUSING)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", "refusing.so", "refusing.c"], cwd=folder, check=True)
        yield folder / "refusing.so"


def test_without_inotify(library: Path) -> None:
    conf = f"LogLevel python:info\n{CONF}"
    with WithoutPath(conf, beside=__file__, env={"LD_PRELOAD": str(library)}) as httpd:
        httpd.write("x", "")
        httpd.write("page.py", PAGE.format(value=0))
        assert httpd.get("/x").text == "0"
        for value in range(1, 6):
            httpd.write("page.py", PAGE.format(value=value))
            until(httpd, "/x", f"{value}")
        httpd.wait_for_log("python:info.*the kernel does not tell of changed Python files .inotify:")


def test_a_link_to_another_folder(httpd: Httpd) -> None:
    for value in (1, 2):
        httpd.write(f"release-{value}/x", "")
        httpd.write(f"release-{value}/page.py", PAGE.format(value=value))
    link = httpd.htdocs / "current"
    for value in (1, 2, 1):
        new = httpd.htdocs / "new"
        new.symlink_to(f"release-{value}")
        new.rename(link)
        until(httpd, "/current/x", f"{value}")


def test_a_folder_in_the_place_of_another(httpd: Httpd) -> None:
    for value in (1, 2, 3):
        httpd.write(f"next-{value}/x", "")
        httpd.write(f"next-{value}/page.py", PAGE.format(value=value))
        if (httpd.htdocs / "swapped").exists():
            (httpd.htdocs / "swapped").rename(httpd.htdocs / f"before-{value}")
        (httpd.htdocs / f"next-{value}").rename(httpd.htdocs / "swapped")
        until(httpd, "/swapped/x", f"{value}")
