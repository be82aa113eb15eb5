"""mod_python.filters.nonce: one nonce in the header and all scripts, another one in each response."""

import re

from httpd import Httpd, Response
from mod_python import testing
from server import MANUAL

# isort: split
from mod_python.filters.nonce import outputfilter

CONF = """
PythonOutputFilter mod_python.filters.nonce NONCE
AddOutputFilterByType NONCE text/html
<Location "/policy">
    PythonOption nonce_policy "script-src 'self' 'nonce-{nonce}'"
</Location>
Alias "/manual" "${MANUAL}"
<Directory "${MANUAL}">
    Require all granted
</Directory>
"""
PAGE = b"<script>1</script><SCRIPT src=a></SCRIPT><script\n></script><scripting><script/>< script><scr"
CHANGED = re.sub(rb"<script([> \n/])", rb'<script nonce="N"\1', PAGE, flags=re.IGNORECASE)


def nonce(answer: Response) -> str:
    """Return the nonce of a response's header."""
    match = re.search(r"'nonce-([\w-]{22})'", answer.headers["Content-Security-Policy"])
    assert match
    return match[1]


def test_header_and_scripts(httpd: Httpd) -> None:
    httpd.write("a.html", PAGE)
    first, second = httpd.get("/a.html"), httpd.get("/a.html")
    for answer in (first, second):
        assert answer.body == CHANGED.replace(b"N", nonce(answer).encode())
        assert answer.headers["Cache-Control"] == "no-store"
    assert nonce(first) != nonce(second)
    policy = f"script-src 'nonce-{nonce(first)}' 'strict-dynamic'; object-src 'none'; base-uri 'none'"
    assert first.headers["Content-Security-Policy"] == policy


def test_a_policy_of_ones_own(httpd: Httpd) -> None:
    httpd.write("policy/a.html", PAGE)
    answer = httpd.get("/policy/a.html")
    assert answer.headers["Content-Security-Policy"] == f"script-src 'self' 'nonce-{nonce(answer)}'"


def test_the_cut_law() -> None:
    for cut in testing.all_cuts(PAGE):
        answer = testing.run(outputfilter, cuts=[cut]).body
        assert re.sub(rb'nonce="[\w-]{22}"', b'nonce="N"', answer) == CHANGED, cut
        assert len(set(re.findall(rb'nonce="(.*?)"', answer))) == 1


def test_o23_head_has_the_headers_of_get(httpd: Httpd) -> None:
    httpd.write("a.html", PAGE)
    answers = [httpd.request(method, "/a.html") for method in ("GET", "HEAD")]
    headers = [{**answer.headers, "Content-Security-Policy": None, "Date": None} for answer in answers]
    assert headers[0] == headers[1]
    assert nonce(answers[0]) != nonce(answers[1])
    assert answers[1].body == b""


def test_other_types_are_left_alone(httpd: Httpd) -> None:
    httpd.write("a.js", PAGE)
    answer = httpd.get("/a.js")
    assert (answer.body, answer.headers["Content-Security-Policy"]) == (PAGE, None)


def test_the_manual(httpd: Httpd) -> None:
    for name in ("en/index.html", "en/mod/core.html", "en/howto/ssi.html"):
        page, answer = (MANUAL / name).read_bytes(), httpd.get(f"/manual/{name}")
        assert b"<script" in page
        assert answer.body.count(f'<script nonce="{nonce(answer)}"'.encode()) == page.count(b"<script")
        assert answer.body.replace(f' nonce="{nonce(answer)}"'.encode(), b"") == page
