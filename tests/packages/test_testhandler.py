"""mod_python.testhandler: shown where it is enabled, and escaped."""

from html.parser import HTMLParser

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
<Location "/off">
    SetHandler mod_python
    PythonHandler mod_python.testhandler
</Location>
<Location "/on">
    SetHandler mod_python
    PythonHandler mod_python.testhandler
    PythonOption mod_python.testhandler On
    PythonOption own "<b>&amp;'\\""
    PythonOption db.password "hunter2"
    PythonOption db.url "postgresql://web:hun/t@er3@db.example/shop"
    PythonOption db.dsn "host=db.example password=hunter4"
    SetEnv REDIRECT_HTTP_AUTHORIZATION "Basic c2VjcmV0"
    PythonDebug On
    SetEnv FROM_SETENV "<script>alert(1)</script>"
</Location>
<Location "/on/doubtful">
    PythonOption mod_python.testhandler Maybe
</Location>
<Location "/piped">
    SetHandler mod_python
    PythonHandler mod_python.testhandler
    PythonOption mod_python.testhandler on
</Location>
"""


class Reader(HTMLParser):
    """Collects tags, and the rows of tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        """Note a tag."""
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)


def test_w150_it_must_be_enabled(httpd: Httpd) -> None:
    for path in ("/off", "/off?view_log=1", "/on/doubtful"):
        answer = httpd.get(path)
        assert answer.status == 403
        assert "ServerRoot" not in answer.text
    httpd.wait_for_log("write PythonOption mod_python.testhandler On")
    assert httpd.request("POST", "/on").status == 405


def test_w150_everything_is_escaped(httpd: Httpd) -> None:
    headers = {"X-Own": "<i>&", "Authorization": "Basic c2VjcmV0", "Cookie": "c2VjcmV0=1", "X-Raw": "\xff<"}
    answer = httpd.get("/on/%3Cu%3E?a=%3Cu%3E&<u>", headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = Reader(answer.text)
    assert page.tags == {*"html head title style body h1 h2 table tr th td pre p a".split()}
    text = "\n".join(page.texts)
    for shown in (
        *("<i>&", "<script>alert(1)</script>", "<b>&amp;'\"", "PythonDebug", str(httpd.htdocs), "logs/error.log"),
        *("main_interpreter", "Apache/2.4", "mod_python.testhandler", "SetHandler mod_python", "Python", "is there"),
    ):
        assert shown in text, shown
    assert "postgresql://web:(hidden)@db.example/shop" in text
    for hidden in ("c2VjcmV0", "hunter2", "er3", "hunter4"):
        assert hidden not in answer.text


def test_w150_the_error_log_is_a_text(httpd: Httpd) -> None:
    httpd.error_log.chmod(0o644)
    httpd.get("/off")
    httpd.wait_for_log("write PythonOption")
    answer = httpd.get("/on?view_log=1")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "write PythonOption mod_python.testhandler On" in answer.text
    assert len(answer.text.splitlines()) <= 100
