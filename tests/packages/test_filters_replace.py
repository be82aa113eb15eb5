"""mod_python.filters.replace on every cut, and on httpd's manual."""

from httpd import Httpd
from mod_python import testing
from server import MANUAL

# isort: split
from mod_python.filters.replace import outputfilter

CONF = """
PythonOutputFilter mod_python.filters.replace REPLACE
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


def test_the_cut_law() -> None:
    pairs = {"colour": "color", "colours": "shades", "an old text": 'a "new" one'}
    result = testing.run(outputfilter, BODY, cuts="all", options={f"replace:{old}": new for old, new in pairs.items()})
    assert result.body == b'color, Colour, shades, colocolor\na "new" onea "new" one an old tex'


def test_letters_of_either_case(httpd: Httpd) -> None:
    httpd.write("case/a.txt", b"colour COLOUR cOlOuR")
    assert httpd.get("/case/a.txt").body == b"color color color"


def test_without_a_text_it_says_so(httpd: Httpd) -> None:
    httpd.expect("ValueError: no option 'replace:TEXT'")
    httpd.allow("filter REPLACE")
    httpd.write("none/a.txt", BODY)
    assert httpd.get("/none/a.txt").status == 500


def test_the_manual(httpd: Httpd) -> None:
    for name in ("en/mod/core.html", "en/mod/directives.html", "en/index.html"):
        page = (MANUAL / name).read_bytes()
        expected = page.replace(b"httpd", b"mod_python").replace(b"Apache", b"Python")
        assert expected != page
        assert httpd.get(f"/manual/{name}").body == expected
