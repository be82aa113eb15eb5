"""Compiled pages that are kept, for the threads of one interpreter."""

import itertools
import threading
from collections.abc import Callable, Hashable

from mod_python._psp.page import Page
from mod_python._psp.source import Stamp

# As many as mod_python 3.5 kept.
SIZE = 512


class _Making:
    """A page that threads wait for."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads = 0


class PageCache:
    """Pages by what they are made from. The one that was used longest ago goes first.

    While a page is compiled, other threads that ask for it wait, without the GIL; no other page is held up.
    """

    def __init__(self, size: int = SIZE) -> None:
        """Make an empty one.

        Args:
            size: how many pages it keeps.
        """
        self._size = size
        self._pages: dict[Hashable, Page] = {}
        self._making: dict[Hashable, _Making] = {}
        self._clock = itertools.count()
        # Held for steps that wait for nothing.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pages)

    def get(self, key: Hashable, make: Callable[[], Page]) -> Page:
        """Return the page of a key: the one that is kept, if its files are as they were, else what `make` returns.

        Raises:
            BaseException: whatever `make` raises; the next call tries again.
        """
        page = self.current(key)
        if page is not None:
            return page
        with self._lock:
            making = self._making.setdefault(key, _Making())
            making.threads += 1
        try:
            with making.lock:
                page = self.current(key)
                if page is None:
                    page = make()
                    self._keep(key, page)
                return page
        finally:
            with self._lock:
                making.threads -= 1
                if not making.threads:
                    del self._making[key]

    def current(self, key: Hashable, found: Stamp | None = None) -> Page | None:
        """Return the page of a key, if it is kept and its files are as they were; `found`: as `Page.is_current`."""
        page = self._pages.get(key)
        if page is None or not page.is_current(found):
            return None
        page.used = next(self._clock)
        return page

    def _keep(self, key: Hashable, page: Page) -> None:
        with self._lock:
            page.used = next(self._clock)
            self._pages[key] = page
            if len(self._pages) > self._size:
                # A quarter at once, so that it is seldom done.
                by_use = sorted(self._pages.items(), key=lambda item: item[1].used)
                for old, _ in by_use[: self._size // 4 + 1]:
                    del self._pages[old]
