"""Compiled pages that are kept, for the threads of one interpreter."""

import itertools
import threading
from collections.abc import Callable, Hashable

from mod_python._psp.page import Page

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
        self._used: dict[Hashable, int] = {}
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
        page = self._current(key)
        if page is not None:
            return page
        with self._lock:
            making = self._making.setdefault(key, _Making())
            making.threads += 1
        try:
            with making.lock:
                page = self._current(key)
                if page is None:
                    page = make()
                    self._keep(key, page)
                return page
        finally:
            with self._lock:
                making.threads -= 1
                if not making.threads:
                    del self._making[key]

    def _current(self, key: Hashable) -> Page | None:
        page = self._pages.get(key)
        if page is None or not page.is_current():
            return None
        self._used[key] = next(self._clock)
        return page

    def _keep(self, key: Hashable, page: Page) -> None:
        with self._lock:
            self._pages[key] = page
            self._used[key] = next(self._clock)
            if len(self._pages) > self._size:
                # A quarter at once, so that it is seldom done. A thread may note a use of a page that is gone.
                for old in sorted(self._pages, key=lambda one: self._used.get(one, 0))[: self._size // 4 + 1]:
                    del self._pages[old]
                self._used = {one: self._used.get(one, 0) for one in self._pages}
