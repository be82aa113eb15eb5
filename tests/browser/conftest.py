"""The fixtures of the tests that a browser runs."""

from chromium import browser, chromium

__all__ = ["browser", "chromium"]
