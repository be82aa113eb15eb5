"""Lengths that a client or an author chooses: an exception, never the end of the child."""

import pytest

from httpd import Httpd
from versions import CURL

MPMS = ("event", "prefork")
CONF = """
PythonOutputFilter changing_files::shrinks_later LATER
PythonOutputFilter changing_files::shrinks_at_once AT_ONCE
PythonOutputFilter changing_files::truncates TRUNCATES
PythonOutputFilter changing_files::reads_buckets READS_BUCKETS
PythonInputFilter changing_files WHOLE
<LocationMatch "^/later">
    SetOutputFilter LATER
</LocationMatch>
<LocationMatch "^/later-deflate">
    SetOutputFilter LATER;DEFLATE
</LocationMatch>
<LocationMatch "^/later-substitute">
    SetOutputFilter LATER;SUBSTITUTE
</LocationMatch>
<LocationMatch "^/at-once">
    SetOutputFilter AT_ONCE
</LocationMatch>
<LocationMatch "^/sends">
    EnableMMAP On
    SetHandler mod_python
    PythonHandler changing_files::sends
    SetOutputFilter TRUNCATES;DEFLATE
</LocationMatch>
<LocationMatch "^/sparse">
    SetHandler mod_python
    PythonHandler changing_files::sparse
</LocationMatch>
<LocationMatch "^/large">
    SetOutputFilter READS_BUCKETS
</LocationMatch>
<Location "/reads">
    SetHandler mod_python
    PythonHandler changing_files::reads
</Location>
<Location "/echo">
    SetHandler mod_python
    PythonHandler changing_files::echo
    SetInputFilter WHOLE
</Location>
"""
SHORTER = "OSError: FILE has become shorter than the part of it that this FileBucket names"
# What curl says of a response that ends too early: no answer, a cut one, a broken stream.
CUT = (52, 18, 92)


@pytest.mark.parametrize("name", ["later", "later-deflate", "later-substitute", "sends"])
@pytest.mark.parametrize("number", CURL)
def test_a_file_that_becomes_shorter_while_it_is_sent_is_a_cut_response(httpd: Httpd, name: str, number: str) -> None:
    part = "part " * 9000
    httpd.write(f"{name}.html", part if name == "sends" else "page ").chmod(0o666)
    httpd.write(f"{name}.html.part", part).chmod(0o666)
    httpd.expect(rf"{name}\.html.*: a part of it .* from byte 0 on: the file has become shorter: the response is cut")
    httpd.allow("deflate:error.*AH10298")
    tls = number == "2" and httpd.mpm != "prefork"
    url = httpd.url(f"/{name}.html", tls=tls)
    done = httpd.curl(CURL[number], "-H", "Accept-Encoding: gzip", url)
    assert (done.returncode in CUT, done.stdout in (b"", b"page ")) == (True, True)


def test_a_file_that_became_shorter_before_it_is_sent_is_an_exception(httpd: Httpd) -> None:
    httpd.write("at-once.html", "page ")
    httpd.write("at-once.html.part", "part " * 9000).chmod(0o666)
    httpd.expect("filter AT_ONCE .* failed.*OSError.*has become shorter")
    assert httpd.get("/at-once.html").status == 500
    assert SHORTER in httpd.log()


def test_a_bucket_of_terabytes_is_a_memory_error(httpd: Httpd) -> None:
    httpd.write("sparse", "").chmod(0o666)
    httpd.htdocs.chmod(0o777)
    length = 8 << 40
    said = f"MemoryError: read() gives at most 67108864 bytes of a bucket, and this one has {length}: split() it"
    assert httpd.get("/sparse").text.splitlines() == [f"{length} {said} and read the parts", str(1 << 20)]


def test_a_large_bucket_of_the_body_is_a_memory_error(httpd: Httpd) -> None:
    httpd.write("large.bin", "")
    with open(httpd.htdocs / "large.bin", "r+b") as file:
        file.truncate(80_000_000)
    said = "MemoryError: read() gives at most 67108864 bytes of a bucket, and this one has 80000000: split() it"
    assert httpd.get("/large.bin").text == f"80000000 {said} and read the parts"


@pytest.mark.parametrize("method", ["read", "readline", "readlines"])
def test_a_body_beyond_the_memory_is_a_memory_error(httpd: Httpd, method: str) -> None:
    answer = httpd.request("POST", f"/reads?{method}", bytes(200 << 20))
    assert answer.text.startswith("MemoryError: there is no memory for ")


def test_a_body_beyond_the_memory_is_a_memory_error_in_a_filter(httpd: Httpd) -> None:
    assert httpd.request("POST", "/echo", bytes(200 << 20)).text == "MemoryError"
