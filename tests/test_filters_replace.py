"""mod_python.filters.replace on every cut, and on httpd's manual."""

from cuts import answers, cut_everywhere
from httpd import Httpd
from server import MANUAL

CONF = """
PythonOutputFilter mod_python.filters.replace REPLACE
<Location "/cut">
    SetOutputFilter BUCKETEER;REPLACE
    PythonOption replace:colour color
    PythonOption replace:colours shades
    PythonOption "replace:an old text" 'a "new" one'
</Location>
<Location "/case">
    SetOutputFilter REPLACE
    PythonOption replace:Colour color
    PythonOption replace_ignore_case on
</Location>
<Location "/none">
    SetOutputFilter REPLACE
</Location>
Alias "/manual" "${MANUAL}"
<Directory "${MANUAL}">
    Require all granted
    SetOutputFilter REPLACE
    PythonOption replace:Apache Python
    PythonOption replace:httpd mod_python
</Directory>
"""
BODY = b"colour, Colour, colours, colocolour\nan old textan old text an old tex"


def test_the_cut_law(httpd: Httpd) -> None:
    expected = b'color, Colour, shades, colocolor\na "new" onea "new" one an old tex'
    for cut, answer in answers(httpd, "cut/a.txt", cut_everywhere(BODY)):
        assert answer == expected, cut


def test_letters_of_either_case(httpd: Httpd) -> None:
    httpd.write("case/a.txt", b"colour COLOUR cOlOuR")
    assert httpd.get("/case/a.txt").body == b"color color color"


def test_without_a_text_it_says_so(httpd: Httpd) -> None:
    httpd.expect("ValueError: there is nothing to search for")
    httpd.allow("filter REPLACE")
    httpd.write("none/a.txt", BODY)
    assert httpd.get("/none/a.txt").status == 500


def test_the_manual(httpd: Httpd) -> None:
    for name in ("en/mod/core.html", "en/mod/directives.html", "en/index.html"):
        page = (MANUAL / name).read_bytes()
        expected = page.replace(b"httpd", b"mod_python").replace(b"Apache", b"Python")
        assert expected != page
        assert httpd.get(f"/manual/{name}").body == expected
