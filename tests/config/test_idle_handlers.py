"""Lines of the configuration that could never do what they say are reported when httpd starts."""

import pytest

from httpd import Httpd

SHOP = "def handler(req):\n    req.write('shop')\n    return 0\n"


def warnings(conf: str) -> list[str]:
    """What a start with that configuration warns of."""
    with Httpd(conf, allow=["never runs"]) as server:
        server.handler("shop.py", SHOP)
        lines = server.error_text().splitlines()
    return [line for line in lines if "never runs" in line]


def test_a_python_handler_that_no_set_handler_lets_run() -> None:
    found = warnings("""
        <Location /shop>
            PythonHandler shop | .html
        </Location>
        <Location /other>
            SetHandler mod_python
            PythonHandler shop
        </Location>
    """)
    [line] = {line.rpartition("] ")[2] for line in found}  # httpd reads the configuration twice when it starts
    assert line.startswith("PythonHandler shop | .html at ")
    assert "fragment.conf:3 never runs" in line
    assert line.endswith("write SetHandler mod_python beside it")


@pytest.mark.parametrize(
    "conf",
    [
        "SetHandler mod_python\n<Location /shop>\nPythonHandler shop\n</Location>",
        "<Location /shop>\nSetHandler python-program\n</Location>\n<Location /shop>\nPythonHandler shop\n</Location>",
        "<Directory ${HTDOCS}>\nAddHandler mod_python .py\nPythonHandler shop\n</Directory>",
        "PythonHandler shop\n<FilesMatch '[.]py$'>\nSetHandler mod_python\n</FilesMatch>",
        "RewriteEngine On\nRewriteRule ^/shop - [H=mod_python]\nPythonHandler shop",
    ],
)
def test_what_runs_is_not_warned_of(conf: str) -> None:
    assert not warnings(conf)
