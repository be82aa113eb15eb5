"""Runs filters without httpd, on the module's own code for filters.

    from mod_python import testing      # before the module with the filter, which imports apache
    from shop import banner

    def test_the_banner():
        result = testing.run(banner.outputfilter, b"<p>Hello</p>", cuts="all")
        assert result.body == b"<p>Hello</p><!-- served with care -->"
        assert result.headers["Content-Length"] is None

`run` passes a body to a filter bucket by bucket, as httpd does, and returns the result. With
``cuts="all"`` it does so for each way to cut a short body: the result must be the same. Tests that need
a real httpd can use the fixture of `mod_python.pytest_plugin`.

``apache.cache(name)`` is a cache in memory there, whatever its name; `clear_caches` empties all of them.

Python must have the version that the module was built for. MOD_PYTHON_SO is the path of the module if it
is neither in httpd's folder of modules nor in the source tree of this package. One test runs at a time:
`run` must not be called by several threads at once.
"""

from mod_python.testing.caches import clear_caches
from mod_python.testing.check import CutsDifferError, MannersError, run
from mod_python.testing.cuts import BRIGADE, EMPTY, FLUSH, FOREIGN, SLOW, Cut, Piece, all_cuts
from mod_python.testing.result import Result

__all__ = [
    "BRIGADE",
    "EMPTY",
    "FLUSH",
    "FOREIGN",
    "SLOW",
    "Cut",
    "CutsDifferError",
    "MannersError",
    "Piece",
    "Result",
    "all_cuts",
    "clear_caches",
    "run",
]
