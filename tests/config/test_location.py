"""Locations: they have files, directories and .htaccess like all requests, unless the old short-cut is asked for."""

import json

from httpd import Httpd

MODULES = ("negotiation",)
CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
LogLevel info
<Location />
    Options MultiViews
</Location>
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
    req.add_common_vars()
    assert req.subprocess_env.get("SCRIPT_FILENAME") == req.filename
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


def test_w25_other_modules_find_a_name_where_there_is_no_file(httpd: Httpd) -> None:
    """Others read it without asking; mod_negotiation ended the child."""
    [child] = httpd.children()
    assert httpd.get("/here/short/none", {"Accept-Language": "de"}).status == 200
    assert httpd.children() == [child]


def test_w25_it_is_for_locations_with_handlers_only(httpd: Httpd) -> None:
    httpd.write("there/x", "the file")
    assert httpd.get("/there/x").text == "the file"
