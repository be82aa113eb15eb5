"""Lines of the configuration that could never do what they say are reported when httpd starts."""

import re

import pytest

from httpd import Httpd

SHOP = "def handler(req):\n    req.write('shop')\n    return 0\n"


def warnings(conf: str, pattern: str = "never runs") -> list[str]:
    """What a start with that configuration warns of."""
    with Httpd(conf, allow=[pattern]) as server:
        server.handler("shop.py", SHOP)
        lines = server.error_text().splitlines()
    return [line.rpartition("] ")[2] for line in lines if re.search(pattern, line)]


def test_a_python_handler_that_no_set_handler_lets_run() -> None:
    [line] = warnings("""
        <Location /shop>
            PythonHandler shop | .html
        </Location>
        <Location /other>
            SetHandler mod_python
            PythonHandler shop
        </Location>
    """)
    assert line.startswith("PythonHandler shop | .html at ")
    assert "fragment.conf:3 never runs" in line
    assert line.endswith("write SetHandler mod_python beside it")


def test_a_set_handler_that_nothing_answers() -> None:
    [line] = warnings(
        """
        <Location /shop>
            SetHandler mod_python
            PythonDebug On
        </Location>
        <Location /other>
            SetHandler mod_python
            PythonHandler shop
        </Location>
        """,
        "nothing answers",
    )
    assert line.startswith("SetHandler mod_python at ")
    assert "fragment.conf:3 gives mod_python requests that nothing answers: write PythonHandler" in line


def test_each_warning_comes_once_though_httpd_reads_its_configuration_twice() -> None:
    conf = """
        PythonHandler shop
        PythonOption mod_python.mutex_directory /tmp
        Listen 127.0.0.1:${BY_NAME_PORT}
        <VirtualHost *:${BY_NAME_PORT}>
            PythonConnectionHandler shop
            PythonMaxConnections 100000
        </VirtualHost>
        <VirtualHost *:${BY_NAME_PORT}>
            ServerName other
            PythonInputFilter shop kind=connection
        </VirtualHost>
    """
    words = ["never runs", "has no effect", "starves HTTP", "is on no connection"]
    found = warnings(conf, "|".join(words))
    assert sorted(word for line in found for word in words if word in line) == sorted(words)


@pytest.mark.parametrize("line", ["ForceType python-program", 'ForceType "mod_python; charset=utf-8"'])
def test_a_media_type_named_like_the_handler_lets_it_run(line: str) -> None:
    with Httpd(f"<Location /shop>\n{line}\nPythonHandler shop\n</Location>", beside=__file__) as server:
        server.handler("shop.py", SHOP)
        assert server.get("/shop").text == "shop"


@pytest.mark.parametrize(
    "conf",
    [
        "SetHandler mod_python\n<Location /shop>\nPythonHandler shop\n</Location>",
        "<Location /shop>\nSetHandler python-program\n</Location>\n<Location /shop>\nPythonHandler shop\n</Location>",
        "<Directory ${HTDOCS}>\nAddHandler mod_python .py\nPythonHandler shop\n</Directory>",
        "<Directory ${HTDOCS}>\nAddType mod_python .py\nPythonHandler shop\n</Directory>",
        "PythonHandler shop\n<FilesMatch '[.]py$'>\nSetHandler mod_python\n</FilesMatch>",
        "RewriteEngine On\nRewriteRule ^/shop - [H=mod_python]\nPythonHandler shop",
    ],
)
def test_what_runs_is_not_warned_of(conf: str) -> None:
    assert not warnings(conf)
