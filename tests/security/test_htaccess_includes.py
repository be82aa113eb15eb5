"""PythonHtaccess Off holds for <!--#python -->, too, where a .htaccess file turns it on by Options Includes."""

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
PythonHtaccess Off
<Directory "${HTDOCS}">
    AllowOverride All
    SSIErrorMsg "[oops]"
    DirectoryIndex index.html
</Directory>
<Directory "${HTDOCS}/ours">
    Options +Includes
</Directory>
Listen 127.0.0.1:${ON_PORT}
<VirtualHost *:${ON_PORT}>
    DocumentRoot "${HTDOCS}"
    PythonHtaccess On
</VirtualHost>
"""
PARSED = "AddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n"
PAGE = 'a<!--#python eval="6 * 7" -->b'
REFUSED = r"<!--#python --> in .*x.shtml may not run: the .htaccess file of .*/ has given it Options Includes, and"


def texts(httpd: Httpd, path: str) -> list[str]:
    """The page where PythonHtaccess is Off, and where it is On."""
    ports = (httpd.port, httpd.port_of("ON_PORT"))
    return [httpd.request("GET", path, port=port).text for port in ports]


@pytest.mark.parametrize(
    "line",
    [
        "Options +Includes",
        "Options Includes",
        "Options All",
        '<Files "x.shtml">\nOptions +Includes\n</Files>',
        '<If "true">\nOptions +Includes\n</If>',
        '<Files "*.shtml">\n<If "true">\nOptions +Includes\n</If>\n</Files>',
    ],
)
def test_options_in_htaccess_run_no_python_where_it_is_off(httpd: Httpd, line: str) -> None:
    httpd.expect(REFUSED)
    httpd.write("theirs/.htaccess", PARSED + line + "\n")
    httpd.write("theirs/x.shtml", PAGE)
    assert texts(httpd, "/theirs/x.shtml") == ["a[oops]b", "a42b"]


def test_the_file_of_an_outer_directory_runs_none_either(httpd: Httpd) -> None:
    httpd.expect(REFUSED)
    httpd.write("outer/.htaccess", PARSED + "Options +Includes\n")
    httpd.write("outer/deep/x.shtml", PAGE)
    assert texts(httpd, "/outer/deep/x.shtml") == ["a[oops]b", "a42b"]


def test_the_index_of_a_directory_is_no_way_round(httpd: Httpd) -> None:
    httpd.expect(REFUSED)
    httpd.write("index/.htaccess", "DirectoryIndex sub/x.shtml\n")
    httpd.write("index/sub/.htaccess", PARSED + "Options +Includes\n")
    httpd.write("index/sub/x.shtml", PAGE)
    assert texts(httpd, "/index/") == ["a[oops]b", "a42b"]


def test_a_page_that_another_page_includes_runs_none_either(httpd: Httpd) -> None:
    httpd.expect(REFUSED)
    httpd.write("theirs/.htaccess", PARSED + "Options +Includes\n")
    httpd.write("theirs/x.shtml", PAGE)
    httpd.write("ours/.htaccess", PARSED)
    httpd.write("ours/outer.shtml", f'{PAGE} <!--#include virtual="/theirs/x.shtml" -->')
    assert texts(httpd, "/ours/outer.shtml") == ["a42b a[oops]b", "a42b a42b"]


def test_options_of_the_configuration_run_python(httpd: Httpd) -> None:
    """Whatever else a .htaccess file says, and from wherever one comes to the page."""
    httpd.write("ours/.htaccess", f"{PARSED}Options +Indexes\n")
    httpd.write("ours/x.shtml", PAGE)
    httpd.write("from/.htaccess", "Options +Includes\nErrorDocument 404 /ours/x.shtml\nDirectoryIndex /ours/x.shtml\n")
    for path in ("/ours/x.shtml", "/from/nothing", "/from/"):
        assert texts(httpd, path) == ["a42b", "a42b"]
