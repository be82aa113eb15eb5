"""mod_python.publisher: first use by many threads, interpreters, folders, versions of HTTP, .htaccess."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
INTERPRETER = None
CONF = """
<Directory "${HTDOCS}">
    SetHandler mod_python
    PythonHandler mod_python.publisher
    AllowOverride FileInfo AuthConfig
</Directory>
Listen 127.0.0.1:${OTHER_PORT}
<VirtualHost *:${OTHER_PORT}>
    ServerName other.example
    DocumentRoot ${HTDOCS}
</VirtualHost>
<Location "/scripts">
    PythonInterpreter of_scripts
    PythonHandler mod_python.cgihandler
</Location>
<Location "/limited">
    PythonOption mod_python.form.max_fields 2
    LimitRequestBody 1000
</Location>
"""
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def get(httpd: Httpd, path: str, status: int = 200) -> str:
    answer = httpd.get(path)
    assert answer.status == status, answer.text
    return answer.text


def test_many_threads_at_the_first_use(httpd: Httpd) -> None:
    httpd.write(
        "first.py",
        "import os, time\n"
        f"with open('{httpd.state}/made', 'a') as file: file.write('%d\\n' % os.getpid())\n"
        "time.sleep(0.5)\n"
        "def index(req): return 'complete'\n",
    )
    (httpd.state / "made").touch()
    (httpd.state / "made").chmod(0o666)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: get(httpd, "/first"), range(48))) == {"complete"}
    made = (httpd.state / "made").read_text().split()
    assert len(made) == len(set(made))  # once in each child


def test_an_import_that_fails_once(httpd: Httpd) -> None:
    httpd.write(
        "once.py",
        "import os\n"
        f"if not os.path.exists('{httpd.state}/database'): raise OSError('no database yet')\n"
        "def index(req): return 'connected'\n",
    )
    httpd.expect("OSError: no database yet")
    get(httpd, "/once", 500)
    (httpd.state / "database").touch()
    for _ in range(20):
        assert get(httpd, "/once") == "connected"


def test_the_same_name_in_two_folders(httpd: Httpd) -> None:
    for folder in ("a", "b"):
        httpd.write(f"{folder}/rules.py", f"word = 'rules of {folder}'\n")
        httpd.write(f"{folder}/page.py", f"import rules\ndef index(req): return '{folder} has ' + rules.word\n")
    for folder in ("a", "b", "a"):
        assert get(httpd, f"/{folder}/page") == f"{folder} has rules of {folder}"


def test_each_interpreter_has_its_own_module(httpd: Httpd) -> None:
    httpd.write(
        "counted.py",
        "import os\nnames = []\ndef index(req):\n"
        "    names.append(req.interpreter)\n    return '%d %s' % (os.getpid(), sorted(set(names)))\n",
    )
    for _ in range(10):
        own = httpd.request("GET", "/counted").text.split(" ", 1)[1]
        other = httpd.request("GET", "/counted", port=httpd.port_of("OTHER_PORT")).text.split(" ", 1)[1]
        assert own != other == "['other.example']"


def test_scripts_are_started_from_any_interpreter(httpd: Httpd) -> None:
    httpd.write(
        "scripts/told.py", "import sys\nprint('Content-Type: text/plain\\n')\nprint(sys.stdin.read().upper())\n"
    )
    answer = httpd.request("POST", "/scripts/told.py", b"hello")
    assert (answer.status, answer.text) == (200, "HELLO\n")


def test_a_status_of_ones_own(httpd: Httpd) -> None:
    httpd.write("own.py", "def index(req, status):\n    req.status = int(status)\n    return 'own'\n")
    for status in (201, 299, 404, 418, 499, 503):
        assert get(httpd, f"/own?status={status}", status) == "own"


def test_several_versions_of_http(httpd: Httpd) -> None:
    httpd.write(
        "versions.py",
        "def index(req, text='none'):\n    yield req.protocol + ' '\n    yield text\n"
        "def refused(req):\n    __auth__ = 0\n",
    )
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 needs threads")
    for option, protocol in {"--http1.1": "HTTP/1.1", "--http2": "HTTP/2.0", "--http1.0": "HTTP/1.0"}.items():
        done = httpd.curl(option, "-d", "text=sent", httpd.url("/versions", tls=protocol != "HTTP/1.0"))
        assert done.stdout.decode() == f"{protocol} sent"
    done = httpd.curl("--http2", "-o", "/dev/null", "-w", "%{http_code}", httpd.url("/versions/refused", tls=True))
    assert done.stdout == b"401"


def test_by_htaccess(httpd: Httpd) -> None:
    httpd.write("shared/page.py", "def index(req): return 'shared'\ndef words(req): return ['a']\n")
    httpd.write(
        "shared/.htaccess",
        "SetHandler none\nAddHandler mod_python .py .page\nPythonHandler mod_python.publisher | .page\n",
    )
    assert get(httpd, "/shared/page.page") == "shared"
    answer = httpd.get("/shared/page.page/words", {"Accept": "application/json"})
    assert json.loads(answer.text) == ["a"]


def test_extensions_of_htaccess(httpd: Httpd) -> None:
    for folder in ("added", "added/inner"):
        httpd.write(f"{folder}/index.py", "def index(req): return req.get_addhandler_exts()\n")
    rules = httpd.htdocs / "added/.htaccess"
    rules.write_text("AddHandler mod_python .Html .py\n")
    for page in ("index.html", "index.HTML/index", "index.py"):
        assert get(httpd, f"/added/{page}") == "html py "
    inner = "RemoveHandler .PY .html\nAddHandler mod_python .page .html .cgi\nAddHandler cgi-script .cgi\n"
    httpd.write("added/inner/.htaccess", inner)
    assert get(httpd, "/added/inner/index.page") == "page "
    get(httpd, "/added/inner/index.html", 404)
    rules.write_text("AddHandler mod_python .xyz\n")
    assert get(httpd, "/added/index.xyz") == "xyz "
    get(httpd, "/added/index.html", 404)


def test_limits_of_forms_hold(httpd: Httpd) -> None:
    httpd.write("limited/form.py", "def index(req, a='none'): return a\ndef plain(req): return 'plain'\n")
    assert get(httpd, "/limited/form?a=1") == "1"
    get(httpd, "/limited/form?a=1&b=2&c=3", 414)
    answer = httpd.request("POST", "/limited/form", b"a=1&b=2&c=3", URL_ENCODED)
    assert answer.status == 413
    httpd.allow("AH01587|AH01588")
    assert httpd.request("POST", "/limited/form", b"a=" + b"x" * 2000, URL_ENCODED).status == 413
    assert httpd.request("POST", "/limited/form", b"a=1&=", {"Content-Type": "multipart/form-data"}).status == 400


def test_many_requests_of_many_threads(httpd: Httpd) -> None:
    httpd.write("busy.py", "import asyncio\nasync def index(req, n):\n    await asyncio.sleep(0)\n    return n\n")
    wrong: list[str] = []

    def ask(first: int) -> None:
        numbers = [str(number) for number in range(first, first + 30)]
        texts = [get(httpd, f"/busy?n={number}") for number in numbers]
        wrong.extend(text for text, number in zip(texts, numbers, strict=True) if text != number)

    threads = [threading.Thread(target=ask, args=(n * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
