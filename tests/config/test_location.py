"""Locations: they have files, directories and .htaccess like all requests, unless the old short-cut is asked for."""

import json

from httpd import Httpd

CONF = """
LogLevel info
<Directory ${HTDOCS}/here>
    AllowOverride All
    PythonOption directory yes
</Directory>
<Location /here>
    SetHandler mod_python
    PythonHandler tells_location
</Location>
<Location /here/short>
    PythonOption mod_python.location_shortcut On
</Location>
<Location /here/short/not>
    PythonOption mod_python.location_shortcut Off
</Location>
<Location /there>
    PythonOption mod_python.location_shortcut On
</Location>
"""
SOURCE = """
import json

def handler(req):
    options = {key: value for key, value in req.get_options().items() if not key.startswith("mod_python.")}
    req.write(json.dumps([req.filename, options]), 0)
    return 0
"""


def test_w25_a_location_has_a_file_and_its_directories(httpd: Httpd) -> None:
    httpd.handler("tells_location.py", SOURCE)
    httpd.write("here/x", "")
    httpd.write("here/.htaccess", "PythonOption htaccess yes\n")
    both = {"directory": "yes", "htaccess": "yes"}
    assert json.loads(httpd.get("/here/x").text) == [f"{httpd.htdocs}/here/x", both]
    assert json.loads(httpd.get("/here/short/not/x").text)[1] == both
    assert "AH00029" not in httpd.log()


def test_w25_the_short_cut_leaves_them_out_and_is_quiet(httpd: Httpd) -> None:
    httpd.handler("tells_location.py", SOURCE)
    assert json.loads(httpd.get("/here/short/x").text) == [None, {}]
    assert "AH00029" not in httpd.log()


def test_w25_it_is_for_locations_with_handlers_only(httpd: Httpd) -> None:
    httpd.write("there/x", "the file")
    assert httpd.get("/there/x").text == "the file"
