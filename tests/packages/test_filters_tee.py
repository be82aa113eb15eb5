"""mod_python.filters.tee: a copy where one can be made, and the response whatever comes."""

import os
import shutil
from pathlib import Path

import pytest

from httpd import Httpd
from mod_python import testing

# isort: split
from mod_python.filters.tee import outputfilter

CONF = """
PythonOutputFilter mod_python.filters.tee TEE
<LocationMatch "^/(own|full|pipe|missing)/">
    SetOutputFilter TEE
</LocationMatch>
<Location "/own">
    PythonOption tee ${STATE}/%.body
</Location>
<Location "/full">
    PythonOption tee /dev/full
</Location>
<Location "/pipe">
    PythonOption tee ${STATE}/pipe
</Location>
<Location "/missing">
    PythonOption tee ${STATE}/no/such/folder
</Location>
"""
BODY = b"a body of which there is a copy"
LARGE = os.urandom(1 << 20)


@pytest.fixture
def pipe(httpd: Httpd) -> Path:
    path = httpd.state / "pipe"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    if os.geteuid() == 0:
        shutil.chown(path, "www-data")
    return path


def test_the_cut_law(tmp_path: Path) -> None:
    cuts = list(testing.all_cuts(BODY))
    copies = tmp_path / "all.bodies"
    assert testing.run(outputfilter, cuts=cuts, options={"tee": str(copies)}).body == BODY
    assert copies.read_bytes() == BODY * len(cuts)
    assert testing.run(outputfilter, BODY, cuts="all", options={"tee": "/dev/null"}).body == BODY


def test_a_file_for_each(httpd: Httpd) -> None:
    bodies = [BODY, LARGE, b""]
    for body in bodies:
        httpd.write("own/a.txt", body)
        assert httpd.get("/own/a.txt").body == body
    copies = sorted(httpd.state.glob("*.body"))
    assert [copy.read_bytes() for copy in copies] == bodies
    assert {copy.stat().st_mode & 0o777 for copy in copies} == {0o600}


@pytest.mark.parametrize("body", [BODY, LARGE], ids=["small", "large"])
def test_a_disk_without_space(httpd: Httpd, body: bytes) -> None:
    httpd.expect("tee: the copy /dev/full is incomplete: .*No space left on device")
    httpd.write("full/a.txt", body)
    assert httpd.get("/full/a.txt").body == body


def test_a_pipe_that_nobody_has_opened(httpd: Httpd, pipe: Path) -> None:
    httpd.expect("tee: cannot open the copy .*: .*No such device or address")
    httpd.write("pipe/a.txt", BODY)
    assert httpd.get("/pipe/a.txt").body == BODY


def test_a_pipe_that_nobody_reads(httpd: Httpd, pipe: Path) -> None:
    httpd.expect("tee: the copy .*/pipe is incomplete: ")
    httpd.write("pipe/a.txt", LARGE)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert httpd.get("/pipe/a.txt").body == LARGE
    finally:
        os.close(reader)


def test_a_pipe_whose_reader_leaves(httpd: Httpd, pipe: Path) -> None:
    httpd.write("pipe/a.txt", BODY)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert httpd.get("/pipe/a.txt").body == BODY
    assert os.read(reader, 1000) == BODY
    os.close(reader)


def test_no_such_folder(httpd: Httpd) -> None:
    httpd.expect("tee: cannot open the copy .*: .*No such file or directory")
    httpd.write("missing/a.txt", LARGE)
    assert httpd.get("/missing/a.txt").body == LARGE
