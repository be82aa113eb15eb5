"""apache.sse and EventSource: a browser shows events, and comes back by itself."""

import pytest
from chromium import Browser

from httpd import Httpd
from server import PROJECT

MODULES = ("deflate", "socache_shmcb")
CONF = """
PythonCache progress shmcb:${STATE}/progress(64K) ttl=600
AddOutputFilterByType DEFLATE text/event-stream
<Location "/numbers">
    SetHandler mod_python
    PythonHandler counted_events
</Location>
<Location "/start">
    SetHandler mod_python
    PythonHandler progress::start
</Location>
<Location "/events">
    SetHandler mod_python
    PythonHandler progress::events
</Location>
"""
NUMBERS = """
from mod_python import apache


async def handler(req):
    async with apache.sse(req) as events:
        begin = int(events.last_event_id or 0)
        for number in range(begin, begin + 3):
            await events.send(f"{number}\\nof {req.protocol} ü", id=str(number + 1), retry=20)
            await req.sleep(0.02)
    return apache.OK
"""
LISTEN = """
const events = new EventSource("/numbers");
window.seen = [];
events.onmessage = event => { window.seen.push(event.data); if (window.seen.length >= 8) events.close(); };
"""


@pytest.mark.parametrize("tls", [False, True])
def test_a_browser_comes_back_for_what_it_has_not_seen(httpd: Httpd, browser: Browser, tls: bool) -> None:
    httpd.handler("counted_events.py", NUMBERS)
    httpd.write("empty.html", "<title>empty</title>")
    browser.open(httpd.url("/empty.html", tls=tls))
    browser.run(LISTEN)
    browser.wait_for(lambda: browser.run("return window.seen.length") >= 8)
    protocol = "HTTP/2.0" if tls else "HTTP/1.1"
    assert browser.run("return window.seen")[:8] == [f"{number}\nof {protocol} ü" for number in range(8)]


def test_a_page_shows_progress(httpd: Httpd, browser: Browser) -> None:
    httpd.handler("progress.py", (PROJECT / "conf-examples/handlers/progress.py").read_text())
    httpd.write("index.html", (PROJECT / "conf-examples/htdocs/progress/index.html").read_text())
    browser.open(httpd.url("/"))
    browser.click("button")
    browser.wait_for(lambda: browser.texts("#shown") == ["20 of 20"])
    assert "job=" in browser.driver.current_url
