"""Recipes of docs/cookbook.md in a browser: it keeps cookies, follows redirections and sends forms as users do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Browser
from page_site import REFUSED, Site

from httpd import Httpd
from pages import modules, server_pages
from server import PROJECT

RECIPES = PROJECT / "docs/cookbook.md"
SITE = Site(RECIPES)
UPLOAD = '<form method="post" action="/upload" enctype="multipart/form-data"><input name="file" type="file"><button>Go'


@pytest.fixture(scope="module")
def site() -> Iterator[Httpd]:
    """A server with all recipes."""
    server = Httpd(SITE.conf, modules=SITE.modules, allow=REFUSED)
    for name, text in modules(RECIPES).items():
        server.handler(name, text)
    for name, text in server_pages(RECIPES).items():
        server.write(name, text)
    server.write("form.html", UPLOAD)
    with server:
        yield server


def log_in(browser: Browser, password: str) -> None:
    browser.type("input[name=user]", "alice")
    browser.type("input[name=password]", password)
    browser.click("button")


@pytest.mark.parametrize("tls", [False, True])
def test_login_and_logout(site: Httpd, browser: Browser, tls: bool) -> None:
    account = site.url("/account", tls=tls)
    assert browser.open(account) == 403  # with the form as its page
    log_in(browser, "looking-glass")
    browser.wait_for(lambda: browser.driver.current_url.endswith("/login") and browser.all("input[name=password]"))
    log_in(browser, "wonderland")
    browser.wait_for(lambda: browser.texts("body") == ["Welcome, alice."])
    (cookie,) = browser.driver.get_cookies()
    assert [cookie[key] for key in ("name", "httpOnly", "sameSite", "secure")] == ["pysid", True, "Lax", tls]
    assert browser.run("return document.cookie") == ""
    assert browser.open(account) == 200
    browser.run("await fetch('/logout', {method: 'POST'})")
    assert browser.open(account) == 403


def test_upload(site: Httpd, browser: Browser, tmp_path: Path) -> None:
    for size, status, text in ((300_000, 201, "300000 bytes"), (6_000_000, 413, "Request Entity Too Large")):
        file = tmp_path / "größe.bin"
        file.write_bytes(b"\x00\xff" * (size // 2))
        browser.open(site.url("/form.html"))
        browser.type("input", str(file))
        browser.click("button")
        browser.wait_for(lambda: browser.driver.current_url.endswith("/upload"))
        assert browser.run("return performance.getEntriesByType('navigation')[0].responseStatus") == status
        assert text in browser.texts("body")[0]


def test_an_upload_shows_how_far_it_is(site: Httpd, browser: Browser, tmp_path: Path) -> None:
    for size, text in ((300_000, "300000 bytes"), (6_000_000, "error 413")):
        file = tmp_path / "file.bin"
        file.write_bytes(b"x" * size)
        browser.open(site.url("/upload.html"))
        browser.type("input", str(file))
        browser.wait_for(lambda: browser.run("return document.querySelector('output').value.trim()") == text)  # noqa: B023
        assert browser.run("return document.querySelector('progress').value") == 1


@pytest.mark.parametrize("tls", [False, True])
def test_a_websocket(site: Httpd, browser: Browser, tls: bool) -> None:
    before = len(site.requests())
    browser.open(site.url("/chat.html", tls=tls))
    for text in ("hello", "grüße " * 1000):
        browser.run(
            f"await new Promise(done => socket.readyState ? done() : socket.onopen = done); socket.send({text!r})"
        )
        browser.wait_for(lambda: browser.texts("output") == [text.upper().strip()])  # noqa: B023
    browser.run("socket.close()")
    site.wait_for_request("101 GET /chat ", before)
