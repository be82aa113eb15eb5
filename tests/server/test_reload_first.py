"""The first import of files that are being written: half of a guard lets nobody in, without a version before."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
FOLDERS = ("theirs-waits", "ours-waits", "ours-stalls", "theirs-pieces", "ours-pieces", "second", "old", "done")
CONF = """
ServerLimit 1
StartServers 1
MaxRequestWorkers 2
<IfModule mpm_prefork_module>
    MaxRequestWorkers 1
</IfModule>
<IfModule mpm_event_module>
    ThreadsPerChild 2
</IfModule>
SetHandler mod_python
""" + "".join(
    f"""
<Directory ${{HTDOCS}}/{folder}>
    PythonHandlerModule door
    PythonHandler page
</Directory>
"""
    for folder in FOLDERS
)
PAGE = "def handler(req):\n    req.write('let in')\n    return 0\n"
HALF = "refused = set()\n"
REST = "refused.add('mallory')\ndef accesshandler(req):\n    return 403 if req.args in refused else 0\n"


def begun(httpd: Httpd, folder: str, owner: str) -> Path:
    """Put a file that httpd's child, or another user, owns."""
    httpd.write(f"{folder}/page.py", PAGE)
    door = httpd.htdocs / folder / "door.py"
    door.touch()
    if owner == "ours" and os.geteuid() == 0:
        shutil.chown(door, "www-data")
    return door


@pytest.mark.parametrize("owner", ["theirs", "ours"])
def test_half_of_a_guard_is_waited_for(httpd: Httpd, owner: str) -> None:
    folder = f"{owner}-waits"
    with begun(httpd, folder, owner).open("a") as file:
        file.write(HALF)
        file.flush()
        time.sleep(0.4)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(httpd.get, f"/{folder}/?mallory")
            time.sleep(0.5)
            file.write(REST)
            file.close()
            assert answer.result().status == 403
    assert httpd.get(f"/{folder}/?alice").text == "let in"


def test_a_guard_that_stays_half_written_lets_nobody_in(httpd: Httpd) -> None:
    httpd.expect("door.py is being written")
    with begun(httpd, "ours-stalls", "ours").open("a") as file:
        file.write(HALF)
        file.flush()
        time.sleep(2.2)
        assert httpd.get("/ours-stalls/?mallory").status == 500
        file.write(REST)
    assert httpd.get("/ours-stalls/?mallory").status == 403
    assert httpd.get("/ours-stalls/?alice").text == "let in"


@pytest.mark.parametrize("owner", ["theirs", "ours"])
def test_a_guard_that_comes_in_pieces_lets_nobody_in(httpd: Httpd, owner: str) -> None:
    httpd.expect("door.py is being written")
    folder = f"{owner}-pieces"
    seen = set()
    with begun(httpd, folder, owner).open("a") as file, ThreadPoolExecutor(1) as pool:
        file.write(HALF)
        file.flush()
        end = time.monotonic() + 6
        answer = pool.submit(httpd.get, f"/{folder}/?mallory")
        while time.monotonic() < end:
            time.sleep(0.3)
            file.write("# more\n")
            file.flush()
            if answer.done():
                seen.add(answer.result().status)
                answer = pool.submit(httpd.get, f"/{folder}/?mallory")
        file.write(REST)
        file.close()
        assert answer.result().status in (403, 500)
    assert seen == {500}
    assert httpd.get(f"/{folder}/?mallory").status == 403


def test_a_second_process_that_closes_the_file(httpd: Httpd) -> None:
    door = begun(httpd, "second", "ours")
    door.write_text(HALF + REST)
    assert httpd.get("/second/?mallory").status == 403
    with door.open("w") as file:
        file.write(HALF)
        file.flush()
        with door.open("a") as other:
            other.write("def accesshandler(req):\n    return 403 if req.args in refused else 0\n")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert httpd.get("/second/?mallory").status == 403
            time.sleep(0.02)
        file.seek(0, os.SEEK_END)
        file.write("refused.add('carol')\n")
    end = time.monotonic() + 20
    while httpd.get("/second/?carol").status != 403:
        assert time.monotonic() < end
    assert httpd.get("/second/?mallory").status == 200


@pytest.mark.parametrize("how", ["old", "done"])
def test_a_file_that_nobody_writes_is_not_waited_for(httpd: Httpd, how: str) -> None:
    """It is old, or nobody has it open, which the kernel tells its owner."""
    door = begun(httpd, how, "ours" if how == "done" else "theirs")
    door.write_text(HALF + REST)
    if how == "old":
        time.sleep(2.1)
    begun_at = time.monotonic()
    assert httpd.get(f"/{how}/?mallory").status == 403
    assert time.monotonic() - begun_at < 1.5
