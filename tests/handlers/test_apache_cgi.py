"""apache.build_cgi_env, setup_cgi and restore_nocgi: code written for CGI runs in a handler."""

import json

from httpd import Httpd

CONF = """
<Location "/call">
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
<Location "/folder/">
    SetHandler mod_python
    PythonHandler cgi_folder
</Location>
"""


def test_the_environment(httpd: Httpd) -> None:
    (httpd.htdocs / "call/cgi_code").mkdir(parents=True, exist_ok=True)
    httpd.write("call/cgi_code/environment", "a file")
    answer = httpd.get("/call/cgi_code/environment/more/%C3%A9?a=b", {"Authorization": "Basic eDp5"})
    assert json.loads(answer.text) == {
        "mine": True,
        "kept": False,
        "SCRIPT_NAME": "/call/cgi_code/environment",
        "PATH_INFO": "/more/é",
        "GATEWAY_INTERFACE": "Python-CGI/1.1",
        "QUERY_STRING": "a=b",
        "HTTP_AUTHORIZATION": "Basic eDp5",
        "REQUEST_METHOD": "GET",
    }


def test_the_name_of_a_folder_has_its_slash(httpd: Httpd) -> None:
    """As with httpd's own mod_cgi, and mod_python 3.5."""
    (httpd.htdocs / "folder").mkdir(exist_ok=True)
    assert httpd.get("/folder/").text == "/folder/"


def test_a_script_reads_and_writes(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/call/cgi_code/script", b"one\ntwo\nthree")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.text == "first b'one\\n'\nrest b'two\\nthree' [] b''\n"


def test_a_script_sets_status_and_headers(httpd: Httpd) -> None:
    answer = httpd.get("/call/cgi_code/script?status")
    assert (answer.status, answer.text) == (418, "short and stout")
    assert answer.headers["Content-Type"] == "text/x-cgi"
    assert answer.headers.get_all("X-More") == ["1", "2"]
    answer = httpd.get("/call/cgi_code/script?redirect")
    assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


def test_a_script_without_headers_is_told(httpd: Httpd) -> None:
    httpd.expect(
        "ValueError: 'no header at all' is no header: a script's output begins with headers and an empty line$"
    )
    assert httpd.get("/call/cgi_code/script?none").status == 500


def test_a_stream_of_nothing(httpd: Httpd) -> None:
    assert json.loads(httpd.get("/call/cgi_code/null").text) == ["", "", [], False]
