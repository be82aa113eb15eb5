"""req.server and conn.base_server live as long as the child: they, and what has them, can be kept beyond a request."""

import ast

from httpd import Httpd

CONF = "PythonOption kept yes\n" + "".join(
    f"""
    <Location "/{name}">
        SetHandler mod_python
        PythonHandler kept_servers::{name}
    </Location>
    """
    for name in ("keep", "keep_unasked", "use")
)


def test_a_kept_server_answers_after_its_request_and_on_any_thread(httpd: Httpd) -> None:
    first = httpd.get("/keep?both").text
    assert "'yes'" in first
    assert httpd.get("/use").text == repr([first, first])
    assert httpd.log().count("a line of a kept server") == 12


def test_a_kept_request_has_its_server_for_good(httpd: Httpd) -> None:
    httpd.get("/keep_unasked")
    there, here = ast.literal_eval(httpd.get("/use").text)
    assert there == here
    assert len(ast.literal_eval(here)) == 2
