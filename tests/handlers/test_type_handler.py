"""Type handlers: asked before mod_mime, which goes on with all but the type."""

import json

from httpd import Httpd

CONF = """
<Directory ${HTDOCS}>
    Options Includes MultiViews ExecCGI
    AddLanguage de .de
    AddLanguage en .en
    AddEncoding x-gzip .gz
    AddCharset utf-8 .utf
    AddOutputFilter CASEFILTER .upper
    AddOutputFilter INCLUDES .shtml
    AddHandler mod_python .chosen
    LanguagePriority de en
    ForceLanguagePriority Prefer Fallback
    AllowOverride All
</Directory>
DirectoryIndex index.known

<Location /declined>
    PythonTypeHandler type_handlers::decline
</Location>
<Location /nothing>
    PythonTypeHandler type_handlers::decline_only
</Location>
<Location /list>
    PythonTypeHandler type_handlers::decline_only type_handlers::stop type_handlers::never
</Location>
<Location /remember>
    SetHandler mod_python
    PythonTypeHandler type_handlers::remember
    PythonHandler type_handlers::tell
</Location>
<Location /choose>
    PythonTypeHandler type_handlers::choose_handler
    PythonHandler type_handlers::plain
</Location>
<Location /forbid>
    PythonTypeHandler type_handlers::forbid
</Location>
<Location /fail>
    PythonTypeHandler type_handlers::fail
</Location>
<Location /names>
    PythonTypeHandler type_handlers::by_name
</Location>
<Location /magic>
    PythonTypeHandler type_handlers::magic_type
</Location>
<Location /unset>
    PythonTypeHandler type_handlers::unset
</Location>
<Location /extension>
    PythonTypeHandler type_handlers::decline | .only
</Location>
"""


def test_a_type_with_declined_survives_mod_mime(httpd: Httpd) -> None:
    httpd.write("declined/a.html", "<p>")
    answer = httpd.get("/declined/a.html")
    assert (answer.headers["Content-Type"], answer.text) == ("application/x-python", "<p>")


def test_mod_mime_still_does_all_but_the_type(httpd: Httpd) -> None:
    httpd.write("declined/a.html.de.gz", "coded")
    headers = httpd.get("/declined/a.html.de.gz").headers
    assert headers["Content-Type"] == "application/x-python"
    assert headers["Content-Language"] == "de"
    assert headers["Content-Encoding"] == "x-gzip"


def test_filters_of_mod_mime_still_run(httpd: Httpd) -> None:
    httpd.write("declined/a.upper", "small")
    answer = httpd.get("/declined/a.upper")
    assert (answer.headers["Content-Type"], answer.text) == ("application/x-python", "SMALL")


def test_without_a_type_mod_mime_decides(httpd: Httpd) -> None:
    httpd.write("nothing/a.html.utf", "<p>")
    assert httpd.get("/nothing/a.html.utf").headers["Content-Type"] == "text/html; charset=utf-8"


def test_ok_stops_the_list_and_mod_mime(httpd: Httpd) -> None:
    httpd.write("list/a.html.de", "<p>")
    headers = httpd.get("/list/a.html.de").headers
    assert headers["Content-Type"] == "application/x-stopped"
    assert (headers["Content-Language"], headers["X-Never"]) == (None, None)


def test_what_is_put_on_req_stays_over_phases(httpd: Httpd) -> None:
    seen = json.loads(httpd.get("/remember").text)
    assert seen == ["from the type handler", "PythonTypeHandler", "PythonHandler", True]


def test_a_type_handler_can_choose_the_handler(httpd: Httpd) -> None:
    httpd.write("choose/a", "the file")
    assert httpd.get("/choose/a").text == "text/x-chosen for /choose/a"


def test_http_statuses_end_the_request(httpd: Httpd) -> None:
    assert httpd.get("/forbid").status == 403


def test_an_exception_is_500(httpd: Httpd) -> None:
    httpd.expect(
        r"PythonTypeHandler type_handlers::fail \(\S+fragment.conf:\d+\) failed", "LookupError: no type for this"
    )
    httpd.allow("PythonTypeHandler type_handlers::fail: ")
    assert httpd.get("/fail").status == 500


def test_lists_by_extension(httpd: Httpd) -> None:
    httpd.write("extension/a.only", "x")
    httpd.write("extension/a.txt", "x")
    assert httpd.get("/extension/a.only").headers["Content-Type"] == "application/x-python"
    assert httpd.get("/extension/a.txt").headers["Content-Type"] == "text/plain"


def test_a_type_chooses_no_handler(httpd: Httpd) -> None:
    httpd.write("magic/script", "#!/bin/sh\necho is not run\n")
    answer = httpd.get("/magic/script")
    assert (answer.status, answer.text) == (200, "#!/bin/sh\necho is not run\n")
    assert answer.headers["Content-Type"] == "application/x-httpd-cgi"


def test_directory_index_is_asked_for_too(httpd: Httpd) -> None:
    httpd.write("names/index.known", "index")
    answer = httpd.get("/names/")
    assert (answer.headers["Content-Type"], answer.text) == ("text/x-known", "index")


def test_multiviews_choose_first(httpd: Httpd) -> None:
    httpd.write("names/page.known.de", "deutsch")
    httpd.write("names/page.known.en", "english")
    httpd.write("names/other.html.de", "deutsch")
    httpd.write("names/other.html.en", "english")
    answer = httpd.get("/names/other", {"Accept-Language": "en"})
    assert (answer.text, answer.headers["Content-Language"]) == ("english", "en")
    assert answer.headers["Content-Type"] == "text/html"


def test_subrequests_of_mod_include(httpd: Httpd) -> None:
    httpd.write("names/part.known", "part")
    httpd.write("names/page.shtml", '<!--#include virtual="part.known" -->, <!--#include virtual="part.known" -->')
    httpd.expect("type of /names/part.known in /names/page.shtml")
    answer = httpd.get("/names/page.shtml")
    assert (answer.status, answer.text) == (200, "part, part")
    assert answer.headers["Content-Type"] == "text/html"


def test_unset_leaves_it_to_mod_mime(httpd: Httpd) -> None:
    httpd.write("unset/a.html", "<p>")
    assert httpd.get("/unset/a.html").headers["Content-Type"] == "text/html"


def test_directories_and_missing_files(httpd: Httpd) -> None:
    (httpd.htdocs / "declined/folder").mkdir(parents=True, exist_ok=True)
    httpd.allow("AH01276", "AH00128")
    assert httpd.get("/declined/folder").status == 301
    assert httpd.get("/declined/missing").status == 404
