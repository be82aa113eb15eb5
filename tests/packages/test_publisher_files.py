"""mod_python.publisher: which file a URL leads to, and that none leads to its source or out of its folder."""

import itertools
import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
<IfModule mpm_prefork_module>
    ServerLimit 3
    StartServers 3
    MinSpareServers 3
    MaxSpareServers 3
    MaxRequestWorkers 3
</IfModule>
PythonPath "sys.path + ['${HANDLERS}', '${STATE}/lib']"
<Directory "${HTDOCS}">
    Options FollowSymLinks
    DirectorySlash Off
</Directory>
<Directory "${HTDOCS}/site">
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<Directory "${HTDOCS}/no-links">
    Options None
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<Directory "${HTDOCS}/owner">
    Options SymLinksIfOwnerMatch
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<Directory "${HTDOCS}/added">
    AddHandler mod_python .xyz .htm .tar.xyz
    PythonHandler mod_python.publisher
</Directory>
<Directory "${HTDOCS}/listed">
    SetHandler mod_python
    PythonHandler mod_python.publisher | .page .html
</Directory>
<Directory "${HTDOCS}/kept">
    SetHandler mod_python
    PythonHandler mod_python.publisher
    PythonAutoReload Off
</Directory>
<Directory "${HTDOCS}/debugged">
    SetHandler mod_python
    PythonHandler mod_python.publisher
    PythonDebug On
</Directory>
<Directory "${HTDOCS}/asked">
    SetHandler mod_python
    PythonHandler mod_python.publisher
    AllowOverride AuthConfig
</Directory>
<Location "/site/located">
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Location>
<Location "/shortcut">
    PythonOption mod_python.location_shortcut On
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Location>
MergeSlashes Off
AllowEncodedSlashes NoDecode
Listen 127.0.0.1:${DECODING_PORT}
<VirtualHost *:${DECODING_PORT}>
    DocumentRoot ${HTDOCS}
    AllowEncodedSlashes On
</VirtualHost>
"""
SECRET = "S0URCE"
PAGE = f"# {SECRET}\ndef index(req): return 'the index'\ndef page(req): return 'a page'\n_secret = '{SECRET}'\n"


@pytest.fixture(autouse=True)
def _site(httpd: Httpd) -> None:
    if (httpd.htdocs / "site").exists():
        return
    (httpd.state / "lib").mkdir()
    (httpd.state / "lib/published_lib.py").write_text("answer = 'from the library'\n")
    for name in ("site", "no-links", "owner", "added", "listed", "kept", "debugged", "asked", "empty"):
        httpd.write(f"{name}/index.py", PAGE)
    for name in (
        "my-page",
        "größe",
        "a.b",
        "a b",
        "class",
        "string",
        "_helper",
        ".hidden",
        "index.x",
        "located",
        "%41",
    ):
        httpd.write(f"site/{name}.py", f"# {SECRET}\ndef index(req): return {name!r}\n")
    httpd.write("site/data.txt", SECRET)
    httpd.write("site/__init__.py", PAGE)
    httpd.write("site/folder.py/index.py", PAGE)
    httpd.write("site/sub/other.py", PAGE)
    httpd.write("outside.py", PAGE.replace("index", "outside"))


def get(httpd: Httpd, path: str, status: int = 200) -> str:
    answer = httpd.get(path)
    assert answer.status == status, answer.text
    return answer.text


def test_names_of_files(httpd: Httpd) -> None:
    for path, name in {
        "my-page": "my-page",
        "gr%C3%B6%C3%9Fe": "größe",
        "a.b": "a.b",
        "a%20b": "a b",
        "class": "class",
        "string": "string",
        "%2541": "%41",
    }.items():
        assert get(httpd, f"/site/{path}") == get(httpd, f"/site/{path}.py") == name


def test_files_that_are_no_pages(httpd: Httpd) -> None:
    for path in ("_helper", "_helper.py", "__init__", "__init__.py/page", "__init__/_secret"):
        assert SECRET not in get(httpd, f"/site/{path}", 403)
    for path in (".hidden", ".hidden.py", ".py", "data.txt", "data", "__pycache__/x", "folder", "sub", "A.B", "Class"):
        answer = httpd.get(f"/site/{path}")
        assert answer.status in (403, 404), path
        assert SECRET not in answer.text


def test_a_folder_is_its_index(httpd: Httpd) -> None:
    for path in ("/site", "/site/", "/site/index", "/site/index.py", "/site/folder.py", "/site/folder.py/"):
        assert get(httpd, path) == "the index"
    assert get(httpd, "/site/sub/other/page") == "a page"
    for path in ("/site/sub", "/site/sub/", "/site/sub/nowhere", "/site/sub/index"):
        get(httpd, path, 404)


def test_no_path_leads_out_of_the_folder(httpd: Httpd) -> None:
    for path in (
        *("/site/../outside.py/outside", "/site/sub/../../outside", "/site/%2e%2e/outside", "/site/%2e%2e%2foutside"),
        *("/site/..%2foutside", "/site/sub%2f..%2f..%2foutside.py", "/site/./../outside", "/site/%2e/%2e%2e/outside"),
        *(
            "/site/..\\outside",
            "/site/..%5coutside",
            "/site//../outside",
            "/site/;/../outside",
            "/site/index/../../outside",
        ),
    ):
        answer = httpd.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head = answer.partition(b"\r\n")[0]
        # The file itself is served by httpd: nothing of Python's holds in its folder.
        assert head.split()[1] in (b"400", b"404", b"403") or b"X-Content-Type-Options" not in answer, path
        assert b"a page" not in answer


def test_other_spellings_of_a_file(httpd: Httpd) -> None:
    for path in (
        *(
            "index.py::$DATA",
            "index::$DATA",
            "index.py.",
            "index.py%20",
            "index.PY",
            "INDEX",
            "index.py%00",
            "index.pyc",
        ),
        *(
            "index.py~",
            "index.py;x",
            "index.py,v",
            "index.py%2fpage",
            "index%2fpage",
            "%69ndex.py/.",
            "x" * 254,
        ),
    ):
        answer = httpd.get(f"/site/{path}")
        assert SECRET not in answer.text
        assert answer.status in (400, 404) or answer.text == "the index", path


def test_links_as_the_options_say(httpd: Httpd) -> None:
    target = httpd.write("elsewhere.py", PAGE)
    os.chown(target, 1, 1)
    for name in ("site", "no-links", "owner"):
        (httpd.htdocs / name / "link.py").unlink(missing_ok=True)
        (httpd.htdocs / name / "link.py").symlink_to(target)
    assert get(httpd, "/site/link") == "the index"
    httpd.expect(
        "symbolic link not allowed by Options: .*/no-links/link.py", "not allowed by Options: .*/owner/link.py"
    )
    httpd.allow("AH00037")
    for name in ("no-links", "owner"):
        for path in ("link", "link.py", "link/page"):
            assert SECRET not in get(httpd, f"/{name}/{path}", 403)
    os.chown(httpd.htdocs / "owner/link.py", 1, 1, follow_symlinks=False)
    assert get(httpd, "/owner/link/page") == get(httpd, "/owner/link.py/page") == "a page"
    (httpd.htdocs / "site/gone.py").unlink(missing_ok=True)
    (httpd.htdocs / "site/gone.py").symlink_to("/nowhere")
    get(httpd, "/site/gone", 404)


def test_a_file_that_cannot_be_read(httpd: Httpd) -> None:
    httpd.write("site/closed.py", PAGE).chmod(0)
    httpd.expect("the permissions of .*/site/closed.py let httpd's user not read it")
    assert SECRET not in get(httpd, "/site/closed", 403)


def test_what_is_no_plain_file(httpd: Httpd) -> None:
    if not (httpd.htdocs / "site/pipe.py").exists():
        os.mkfifo(httpd.htdocs / "site/pipe.py")
    get(httpd, "/site/pipe", 404)


def test_extensions_of_add_handler(httpd: Httpd) -> None:
    for path in ("index.xyz", "index.htm", "index.tar.xyz", "nowhere.xyz/index", "page.htm", "index.xyz/page"):
        text = get(httpd, f"/added/{path}", 404 if path.startswith("nowhere") else 200)
        assert SECRET not in text
    assert get(httpd, "/added/index.xyz") == "the index"
    assert get(httpd, "/added/page.htm") == get(httpd, "/added/index.tar.xyz/page") == "a page"


def test_extensions_of_a_list(httpd: Httpd) -> None:
    for path in ("index.page", "index.html"):
        assert get(httpd, f"/listed/{path}") == "the index"
        assert get(httpd, f"/listed/{path}/page") == "a page"
    assert get(httpd, "/listed/page.page") == "a page"


def test_w126_it_works_in_a_location(httpd: Httpd) -> None:
    assert get(httpd, "/site/located") == "located"
    get(httpd, "/shortcut/index", 404)


def test_what_a_page_imports(httpd: Httpd) -> None:
    httpd.write("site/neighbour.py", "answer = 'from beside'\n")
    httpd.write(
        "site/imports.py",
        "import string, neighbour, published_lib\n"
        "from mod_python import apache\n"
        "def beside(req): return neighbour.answer\n"
        "def library(req): return published_lib.answer\n"
        "def names(req): return '%s %s' % (__name__.endswith('imports'), __file__ == req.filename)\n",
    )
    assert get(httpd, "/site/imports/beside") == "from beside"
    assert get(httpd, "/site/imports/library") == "from the library"
    assert get(httpd, "/site/imports/names") == "True True"
    get(httpd, "/site/imports/neighbour", 403)


def _times() -> Iterator[int]:
    """Count for as long as a change may take to show, in a busy machine's children."""
    end = time.monotonic() + 20
    yield from itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())


def _settled(httpd: Httpd, path: str, text: str) -> None:
    """Wait until a page of the only child, or of each child, has this text."""
    for _ in _times():
        if all(httpd.get(path).text == text for _ in range(10)):
            return
    assert get(httpd, path) == text


def test_a_changed_page_and_a_changed_module_that_it_imports(httpd: Httpd) -> None:
    httpd.write("site/part.py", "word = 'one'\n")
    httpd.write("site/changing.py", "import part\ndef index(req): return 'first %s' % part.word\n")
    httpd.write("kept/changing.py", "def index(req): return 'first'\n")
    _settled(httpd, "/site/changing", "first one")
    for _ in range(20):
        assert get(httpd, "/kept/changing") == "first"
    httpd.write("site/part.py", "word = 'another'\n")
    _settled(httpd, "/site/changing", "first another")
    httpd.write("site/changing.py", "import part\ndef index(req): return 'second %s' % part.word\n")
    httpd.write("kept/changing.py", "def index(req): return 'second'\n")
    _settled(httpd, "/site/changing", "second another")
    assert get(httpd, "/kept/changing") == "first"
    (httpd.htdocs / "site/changing.py").unlink()
    for _ in _times():
        if all(httpd.get("/site/changing").status == 404 for _ in range(10)):
            break
    get(httpd, "/site/changing", 404)
    httpd.write("site/changing.py", "def index(req): return 'third'\n")
    _settled(httpd, "/site/changing", "third")


def test_a_page_that_is_broken(httpd: Httpd) -> None:
    httpd.write("site/broken.py", "def index(req: return 1\n")
    httpd.expect("PythonHandler mod_python.publisher.*SyntaxError")
    for _ in range(3):
        get(httpd, "/site/broken", 500)
    httpd.write("site/broken.py", "import os\ndef index(req): return 'mended by %d' % os.getpid()\n")
    # A child that has no whole version yet has nothing to go on with.
    mended: set[str] = set()
    for _ in _times():
        answer = httpd.get("/site/broken")
        mended |= {answer.text} if answer.status == 200 else set()
        if mended >= {f"mended by {child}" for child in httpd.children()}:
            break
    assert mended >= {f"mended by {child}" for child in httpd.children()}
    httpd.write("site/broken.py", "1 / 0\n")
    httpd.expect("the changed version of module '.*broken' cannot be used.*ZeroDivisionError")
    for _ in _times():
        assert get(httpd, "/site/broken") in mended
        if "ZeroDivisionError" in httpd.log():
            break


def test_debugging_shows_what_is_broken(httpd: Httpd) -> None:
    httpd.write("debugged/page.py", "def index(req): return 'first'\n")
    httpd.allow("ZeroDivisionError")
    assert get(httpd, "/debugged/page") == "first"
    httpd.wait_for_log("mod_python: importing module '.*/debugged/page.py'")
    httpd.write("debugged/page.py", "1 / 0\n")
    for _ in _times():
        answer = httpd.get("/debugged/page")
        if answer.status == 500:
            break
    assert "ZeroDivisionError" in answer.text


NAMES = st.sampled_from(
    [
        *(
            "index",
            "page",
            "my-page",
            "index.py",
            "a.b",
            "_helper",
            "__init__",
            "sub",
            "other",
            "..",
            ".",
            "",
            "data.txt",
        ),
        *("%2e%2e", "%2f", "%5c", "%00", "::$DATA", "__class__", "__globals__", "_secret", "folder.py", "outside", "%"),
        *("gr%C3%B6%C3%9Fe", "%FF", "%ED%A0%80", ".htaccess", "__pycache__", "index.cpython-311.pyc", "~", "link.py"),
    ]
)
SEGMENT = st.one_of(NAMES, st.tuples(NAMES, NAMES).map("".join), st.text(max_size=8).map(lambda text: _quoted(text)))
QUERY = st.sampled_from(["", "?a=1", "?req=x&self=y", "?" + "a=1&" * 10, "?%FF=%00", "?__auth__=1"])


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


def test_no_path_shows_a_source_or_fails(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("what is generated is the same on each MPM")
    httpd.allow("symbolic link not allowed|AH00036|AH00026|AH10508|AH10244|AH00127|AH02811|AH00023|AH00028|AH00082")
    httpd.allow("AH00126|AH01276|AH10411|AH10410|let httpd's user not read")
    seen: set[int] = set()

    @settings(max_examples=1500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(SEGMENT, min_size=1, max_size=6), QUERY, st.sampled_from(["GET", "POST", "HEAD"]), st.booleans())
    def run(segments: list[str], query: str, method: str, decodes: bool) -> None:
        path = "/site/" + "/".join(segments)
        request = (
            f"{method} {path}{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        answer = httpd.raw(request.encode("latin-1"), port=httpd.port_of("DECODING_PORT") if decodes else None)
        status = int(answer.split()[1])
        seen.add(status)
        assert status in (200, 400, 403, 404, 405), (path, answer)
        is_published = status != 200 or method == "HEAD" or b"X-Content-Type-Options: nosniff" in answer
        if is_published or "outside" not in path:
            assert SECRET.encode() not in answer, path
        assert b"Traceback" not in answer, path

    run()
    assert {200, 403, 404} <= seen
