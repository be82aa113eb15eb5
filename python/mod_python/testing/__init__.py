"""Tests of filters without httpd, with the module's own engine; and httpd itself for those that need it.

    from mod_python import testing      # before the module with the filter, which imports apache
    from shop import banner

    def test_the_banner():
        result = testing.run(banner.outputfilter, b"<p>Hello</p>", cuts="all")
        assert result.body == b"<p>Hello</p><!-- served with care -->"
        assert result.headers["Content-Length"] is None

`run` gives a filter a body bucket by bucket, as httpd would, and returns what comes out. With
``cuts="all"`` it does so for every way to cut a short body, with each kind of cut: it must make no
difference. `mod_python.pytest_plugin` has a fixture that boots httpd.

Python must be of the version that the module was built with. MOD_PYTHON_SO names the module where it
is neither in httpd's folder of modules nor in the tree that this package is part of.
"""

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
    "run",
]
