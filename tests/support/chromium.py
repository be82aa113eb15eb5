"""A headless Chromium, Debian's, that tests drive by WebDriver (https://www.w3.org/TR/webdriver2/)."""

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE = 20  # seconds
# Nothing leaves the machine; as root, Chromium's own sandbox does not start. The /dev/shm of containers is small.
_OPTIONS = [
    "--headless",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


class Browser:
    """One window of Chromium, and what tests ask of it."""

    def __init__(self, profile: str) -> None:
        """Start it.

        Args:
            profile: an empty folder.
        """
        options = ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        options.accept_insecure_certs = True
        for option in (*_OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = Chrome(options, ChromeService("/usr/bin/chromedriver"))

    def open(self, url: str) -> int:
        """Go to a page, and return the status of its response."""
        self.driver.get(url)
        return int(self.run("return performance.getEntriesByType('navigation')[0].responseStatus"))

    def run(self, script: str) -> Any:
        """The value that a script returns; it may `await`. A dialog or an exception fails the test."""
        return self.driver.execute_script(f"return (async () => {{ {script} }})()")

    def all(self, selector: str) -> list[WebElement]:
        """The elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        """Their texts as users see them."""
        return [one.text for one in self.all(selector)]

    def type(self, selector: str, text: str) -> None:
        """Type into an input; a file's path into one for files."""
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(text)

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds; what it looks at may be elements of a page that is just going."""
        waiting = WebDriverWait(self.driver, PATIENCE, 0.05, [StaleElementReferenceException])
        waiting.until(lambda _: condition())

    def _log(self) -> list[dict[str, Any]]:
        return self.driver.get_log("browser")  # type: ignore[no-untyped-call,no-any-return]

    def forget(self) -> None:
        """Be a browser without cookies on an empty page, with no error of a script behind it."""
        wrong = [line for line in self._log() if "Uncaught" in line["message"]]
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.driver.get("about:blank")
        assert wrong == []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One process of Chromium for a test file."""
    with tempfile.TemporaryDirectory(prefix="chromium.", ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        yield browser
        browser.driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """A browser without cookies. A script's error, or a dialog, fails the test."""
    yield chromium
    chromium.forget()
