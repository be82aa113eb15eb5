"""What docs/cookbook.md says of its recipes beyond the commands that it shows, which test_docs.py runs."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from page_site import REFUSED, Site
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from httpd import Httpd, Response
from pages import modules
from server import PROJECT

PAGE = PROJECT / "docs/cookbook.md"
SITE = Site(PAGE)
CLIENTS = 8
LETTERS = 200
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(params=["event", "prefork"])
def site(request: pytest.FixtureRequest) -> Iterator[Httpd]:
    """A server with all recipes."""
    server = Httpd(SITE.conf, modules=SITE.modules, mpm=request.param, allow=REFUSED)
    for name, text in modules(PAGE).items():
        server.handler(name, text)
    with server:
        yield server


def cookie(answer: Response) -> str:
    """The session's cookie of a response: clients keep the last one."""
    found = re.findall(r"pysid=(\w+)", " ".join(answer.headers.get_all("Set-Cookie", [])))
    return str(found[-1])


def test_a_login_gives_the_session_another_id(site: Httpd) -> None:
    stranger = "0" * 32
    body = b"user=alice&password=wonderland"
    first = site.request("POST", "/login", body, {**FORM, "Cookie": f"pysid={stranger}"})
    known = cookie(first)
    assert (first.status, known != stranger) == (303, True)
    again = site.request("POST", "/login", body, {**FORM, "Cookie": f"pysid={known}"})
    renewed = cookie(again)
    answers = {one: site.get("/account", {"Cookie": f"pysid={one}"}).status for one in (stranger, known, renewed)}
    assert answers == {stranger: 403, known: 403, renewed: 200}
    for wrong in (b"user=alice&password=x", b"user=bob&password=wonderland", b"user=alice", b""):
        answer = site.request("POST", "/login", wrong, FORM)
        assert (answer.status, b"<form" in answer.body, answer.headers["Cache-Control"]) == (200, True, "no-store")
    assert site.get("/logout", {"Cookie": f"pysid={renewed}"}).status == 405
    assert site.request("POST", "/login", b"user=alice&password=%ff", FORM).status == 200
    parts = (
        f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\nf\r\n'
        for name in ("user", "password")
    )
    sent = "".join(parts) + "--x--\r\n"
    assert (
        site.request("POST", "/login", sent.encode(), {"Content-Type": "multipart/form-data; boundary=x"}).status == 200
    )
    assert site.request("POST", "/upload", b"file=text", FORM).status == 400


def test_what_a_client_calls_its_file_is_no_path(site: Httpd) -> None:
    before = {path.name for path in site.state.iterdir()}
    for name in ("../../up", "/tmp/mod_python-cookbook", "a\\b", ".part"):
        part = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\ndata\r\n--x--\r\n'
        answer = site.request("POST", "/upload", part.encode(), {"Content-Type": "multipart/form-data; boundary=x"})
        assert (answer.status, answer.text) == (201, "4 bytes\n")
    after = {path.name for path in site.state.iterdir()} - before
    assert sorted(len(name) for name in after if re.fullmatch("[0-9a-f]+", name)) == [32] * 4


def test_an_exception_of_the_api_has_a_body_of_json(site: Httpd) -> None:
    site.handler("api.py", modules(PAGE)["api.py"].replace("key = req.", "key = 1 / 0 or req."))
    site.allow("ZeroDivisionError")
    deadline = time.monotonic() + 30
    while (answer := site.get("/things/1")).status != 500:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert json.loads(answer.body) == {"title": "Internal Server Error", "status": 500}
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_api_takes_what_others_can_read(site: Httpd) -> None:
    for body in (b"[" * 90_000, b"[" * 990 + b"]" * 990, b"NaN", b"[-Infinity]", b"1e999", b"9" * 5000, b"\xff", b"{"):
        answer = site.request("PUT", "/things/odd", body)
        assert answer.status in {200, 400}, body[:20]
        assert site.get("/things/odd").status in {200, 404}
        if answer.status == 200:
            assert body[:2] == b"[["
        else:
            assert json.loads(answer.body)["title"] == "Bad Request"


def test_one_child_asks_for_all(site: Httpd) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda _: site.get("/tide"), range(10 * CLIENTS)))
    assert len({(answer.status, answer.text) for answer in answers}) == 1
    assert answers[0].status == 200


def test_letters_are_delivered_before_a_child_ends(site: Httpd) -> None:
    slow = modules(PAGE)["letters.py"].replace(
        "                with open", "                threading.Event().wait(0.01)\n@"
    )
    site.handler("letters.py", slow.replace("@", "                with open"))
    site.graceful()

    def send(number: int) -> int:
        return site.get(f"/letters?{number}").status

    with ThreadPoolExecutor(CLIENTS) as clients:
        assert set(clients.map(send, range(LETTERS))) == {202}
    site.graceful()
    box = site.state / "letters"
    deadline = time.monotonic() + 60
    while len(box.read_text().split()) < LETTERS:
        assert time.monotonic() < deadline, "a child has ended with letters in its queue"
        time.sleep(0.1)
    assert sorted(map(int, box.read_text().split())) == list(range(LETTERS))


def test_hits_are_counted_by_all_children(site: Httpd) -> None:
    def hit(_: int) -> int:
        return int(site.get("/hits").text.split()[1])

    with ThreadPoolExecutor(CLIENTS) as clients:
        assert sorted(clients.map(hit, range(80))) == list(range(1, 81))


def test_a_book_is_sent_as_any_file(site: Httpd) -> None:
    site.write("shelf/seven.txt", "Call me Ishmael.\n")
    whole = site.get("/book/7")
    assert (whole.status, whole.headers["Accept-Ranges"], whole.text) == (200, "bytes", "Call me Ishmael.\n")
    assert whole.headers["Content-Disposition"] == 'attachment; filename="seven.txt"'
    assert site.get("/book/7", {"If-None-Match": whole.headers["ETag"]}).status == 304
    several = site.get("/book/7", {"Range": "bytes=0-3,8-14"})
    assert (several.status, several.headers.get_content_type()) == (206, "multipart/byteranges")
    for path in ("/book/", "/book/../account.py", "/book/7/8"):
        assert site.get(path).status in {403, 404}


def test_a_service_that_does_not_answer_is_a_502(site: Httpd) -> None:
    site.expect("no answer of http://localhost:[0-9]+: .*404 Not Found")
    assert site.get("/stock").status == 502
    assert site.request("HEAD", "/things/1").status == 200


def test_a_websocket_of_programs(site: Httpd) -> None:
    url = site.url("/chat").replace("http", "ws")
    with connect(url, open_timeout=60) as first, connect(url, open_timeout=60) as second:
        for number, text in enumerate(("hello", "x" * 100_000, ["in ", "two ", "pieces"])):
            for client in (first, second):
                client.send(text)
                assert client.recv() == "".join(text).upper(), number
    assert site.request("POST", "/chat", b"").status == 405
    for origin, status in ((site.url("").rstrip("/"), 101), ("https://example.org", 403)):
        try:
            with connect(url, origin=Origin(origin), open_timeout=60):
                assert status == 101
        except InvalidStatus as error:
            assert error.response.status_code == status == 403
