"""Modules that handlers name belong to the folder of their file: names in other folders mean nothing there."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
CONF = """
SetHandler mod_python
<Directory ${HTDOCS}/a>
    PythonAccessHandler door
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/b>
    PythonAccessHandler door
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/twin>
    PythonHandler twin ~/twin.py ${HTDOCS}/twin/./twin.py twin::show
</Directory>
<Directory ${HTDOCS}/wild-*>
    PythonAccessHandler door
    PythonHandler page
</Directory>
<Directory ~ "^${HTDOCS}/re-[a-z]+/">
    PythonAccessHandler door
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/ht>
    AllowOverride All
</Directory>
<Directory ${HTDOCS}/filters>
    SetHandler none
</Directory>
<Directory ${HTDOCS}/filters/a>
    PythonOutputFilter mark A
    SetOutputFilter A
</Directory>
<Directory ${HTDOCS}/filters/b>
    PythonOutputFilter mark B
    SetOutputFilter B
</Directory>
<Directory ${HTDOCS}/stdlib>
    PythonHandler colorsys::handler
</Directory>
<Directory ${HTDOCS}/shop>
    PythonHandler shop.pages
</Directory>
<Directory ${HTDOCS}/pickle>
    PythonHandler keeper
</Directory>
<Directory ${HTDOCS}/forgotten>
    SetHandler none
    PythonHandlerModule guard
</Directory>
<Location /forgotten-path>
    SetHandler none
    PythonPath "['${HTDOCS}/forgotten'] + sys.path"
    PythonHandlerModule guard_on_path
</Location>
<Directory ${HTDOCS}/object>
    PythonHandlerModule gate
</Directory>
<Location /object-on-path>
    PythonPath "['${HTDOCS}/on-path'] + sys.path"
    PythonHandlerModule gate_on_path
</Location>
# Behind the answer, their errors could come after the end of a test.
<LocationMatch "^/(forgotten|object)">
    PythonLogHandler ${HANDLERS}/quiet.py::quiet
    PythonCleanupHandler ${HANDLERS}/quiet.py::quiet
</LocationMatch>
<Location /elsewhere>
    PythonAccessHandler door
</Location>
<Directory ${HTDOCS}/dotted.name>
    PythonHandler "${HTDOCS}/dotted.name/v1.2-ü.py"
</Directory>
<Directory ${HTDOCS}/both>
    PythonHandler both ~/both.py
</Directory>
<Directory ${HTDOCS}/neighbours>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/no-neighbours>
    PythonHandler page
</Directory>
<Location /path/one>
    PythonPath "['${HANDLERS}/path-one'] + sys.path"
    PythonAccessHandler path_door
    PythonHandler ${HANDLERS}/path_page.py
</Location>
<Location /path/two>
    PythonPath "['${HANDLERS}/path-two'] + sys.path"
    PythonAccessHandler path_door
    PythonHandler ${HANDLERS}/path_page.py
</Location>
"""
DOOR = "def accesshandler(req):\n    return {status}\n"
QUIET = "def quiet(req):\n    return 0\n"
PAGE = "def handler(req):\n    req.write('the secret of {name}', 0)\n    return 0\n"
SERVER = WithoutPath


def folder(httpd: Httpd, name: str, status: int) -> None:
    """A folder with a door, which lets in or does not, and a page."""
    httpd.write(f"{name}/x", "the file")
    httpd.write(f"{name}/door.py", DOOR.format(status=status))
    httpd.write(f"{name}/page.py", PAGE.format(name=name))


def test_two_sections_have_modules_of_one_name(httpd: Httpd) -> None:
    folder(httpd, "a", 0)
    folder(httpd, "b", 403)
    for _ in range(6):
        assert httpd.get("/a/x").text == "the secret of a"
        assert httpd.get("/b/x").status == 403


def test_directories_of_a_pattern_have_modules_of_one_name(httpd: Httpd) -> None:
    for kind in ("wild", "re"):
        for name, status in (("open", 0), ("shut", 403), ("later", 0)):
            folder(httpd, f"{kind}-{name}", status)
        for _ in range(6):
            assert httpd.get(f"/{kind}-open/x").text == f"the secret of {kind}-open"
            assert httpd.get(f"/{kind}-shut/x").status == 403
            assert httpd.get(f"/{kind}-shut/%e9").status == 403
            assert httpd.get(f"/{kind}-later/x").text == f"the secret of {kind}-later"


def test_htaccess_files_have_modules_of_one_name(httpd: Httpd) -> None:
    for name, status in (("ht/a", 0), ("ht/b", 403), ("ht/a/deep", 403)):
        folder(httpd, name, status)
        httpd.write(f"{name}/.htaccess", "PythonAccessHandler door\nPythonHandler page\n")
    for _ in range(6):
        assert httpd.get("/ht/a/x").text == "the secret of ht/a"
        assert httpd.get("/ht/b/x").status == 403
        assert httpd.get("/ht/a/deep/x").status == 403


def test_filters_of_two_sections_have_modules_of_one_name(httpd: Httpd) -> None:
    for name in "ab":
        httpd.write(f"filters/{name}/x", "text ")
        source = (
            f"def outputfilter(filter):\n    while (data := filter.read()):\n        filter.write(data + b'{name}')\n"
        )
        httpd.write(f"filters/{name}/mark.py", source)
    for _ in range(6):
        assert [httpd.get(f"/filters/{name}/x").text for name in "ab"] == ["text a", "text b"]


def test_one_file_is_one_module_however_it_is_named(httpd: Httpd) -> None:
    source = "import twin as me\ncalls = []\ndef handler(req):\n    calls.append(me.calls is calls)\n    return 0\n"
    httpd.write("twin/twin.py", source + "def show(req):\n    req.write(f'{calls} {__name__}')\n    return 0\n")
    assert httpd.get("/twin/x").text == f"[True, True, True] {str(httpd.htdocs).replace('.', '%2E')}/twin.twin"


def test_a_handler_is_not_found_in_the_folder_of_another_section(httpd: Httpd) -> None:
    folder(httpd, "a", 0)
    assert httpd.get("/a/x").status == 200
    httpd.expect("PythonAccessHandler door .*No module named 'door'")
    assert httpd.get("/elsewhere").status == 500


def test_what_the_folder_does_not_have_is_imported_as_usual(httpd: Httpd) -> None:
    httpd.write("stdlib/x", "")
    httpd.expect("module '.*/colorsys.py' contains no 'handler'")
    assert httpd.get("/stdlib/x").status == 500


@pytest.mark.parametrize("path", ["/forgotten/x", "/forgotten-path"])
def test_a_folder_without_code_is_no_module(httpd: Httpd, path: str) -> None:
    """The guard was forgotten, or renamed, and a folder of its name is left."""
    for name in ("guard", "guard_on_path"):
        httpd.write(f"forgotten/{name}/__pycache__/guard.cpython-311.pyc", "")
    httpd.write("forgotten/x", "the secret")
    httpd.write("forgotten-path", "the secret")
    httpd.expect(r"ModuleNotFoundError: '.*guard.*' is no module: .*/forgotten/guard.* has no __init__\.py, and")
    httpd.handler("quiet.py", QUIET)
    assert [httpd.get(path).status for _ in range(3)] == [500, 500, 500]


OBJECT = """
import sys, threading, time

class Gate:
    def handler(self, req):
        req.write(f"{type(sys.modules[__name__]).__name__} {len(runs)}")
        return 0

runs, gate = [], Gate()
sys.modules[__name__] = gate
time.sleep(0.3)
runs.append(1)
if fails:
    raise KeyError("fails at first")
gate.accesshandler = lambda req: 0 if req.args == "open" else 403
"""


@pytest.mark.parametrize(("path", "file"), [("/object/x", "object/gate"), ("/object-on-path", "on-path/gate_on_path")])
def test_an_object_that_takes_the_place_of_its_module_is_used_when_it_is_complete(
    httpd: Httpd, path: str, file: str
) -> None:
    httpd.write("object/x", "")
    httpd.handler("quiet.py", QUIET)
    works = httpd.state / f"{file.partition('/')[0]}-works"
    httpd.write(f"{file}.py", f"import os\nfails = not os.path.exists({str(works)!r})\n{OBJECT}")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: httpd.get(path).status, range(8))) == {500}
        works.write_text("")
        assert set(pool.map(lambda _: httpd.get(path).status, range(8))) == {403}
    assert httpd.get(f"{path}?open").text == "Gate 1"
    httpd.expect("KeyError: 'fails at first'")


@pytest.mark.parametrize("init", [True, False])
def test_packages_of_a_folder(init: bool) -> None:
    with WithoutPath(CONF, beside=__file__) as httpd:
        if init:
            httpd.write("shop/shop/__init__.py", "")
        httpd.write("shop/shop/goods.py", "name = 'goods'\n")
        httpd.write("shop/common.py", "name = 'common'\n")
        source = "import common\nfrom . import goods\nimport shop.goods as other\nfrom shop.goods import name\n"
        source += "def handler(req):\n    import shop.goods\n    assert shop.goods is goods is other\n"
        httpd.write("shop/shop/pages.py", f"{source}    req.write(common.name + name)\n    return 0\n")
        assert httpd.get("/shop/x").text == "commongoods"


def test_neighbours_of_two_folders_have_one_name(httpd: Httpd) -> None:
    page = """
import json, rules
from rules import answer
from mod_python import apache

def handler(req):
    import rules as again
    assert rules is again is apache.import_module("rules")
    req.write(answer, 0)
    return 0
"""
    for name in "ab":
        httpd.write(f"{name}/x", "")
        httpd.write(f"{name}/door.py", DOOR.format(status=0))
        # Folders without modules in them, as document roots have many, are not in the way of packages.
        httpd.write(f"{name}/json/x.html", "")
        httpd.write(f"{name}/mod_python/x.html", "")
        httpd.write(f"{name}/rules.py", f"answer = 'the rules of {name}'\n")
    httpd.write("neighbours/page.py", page)
    httpd.write("neighbours/rules.py", "answer = 'the rules'\n")
    httpd.write("no-neighbours/page.py", page)
    httpd.write("neighbours/json/x.html", "")
    httpd.write("neighbours/mod_python/x.html", "")
    assert httpd.get("/neighbours/x").text == "the rules"
    httpd.expect("PythonHandler page .*No module named 'rules'")
    assert httpd.get("/no-neighbours/x").status == 500


def test_classes_of_a_folder_can_be_pickled_for_other_processes(httpd: Httpd) -> None:
    source = """
import copyreg, os, pickle, sys
class Data:
    def __init__(self, value): self.value = value
def handler(req):
    file = req.filename + ".pickle"
    if req.args:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            value = pickle.loads(pickle.dumps(Data(protocol), protocol))
            assert type(value) is Data and value.value == protocol
        req.write(pickle.dumps(Data(os.getpid())).hex(), 0)
        return 0
    value = pickle.loads(bytes.fromhex(req.headers_in["X-Data"]))
    req.write(f"{type(value) is sys.modules[Data.__module__].Data} {value.value}", 0)
    return 0
"""
    httpd.write("pickle/x", "")
    httpd.write("pickle/keeper.py", source)
    pickled = httpd.get("/pickle/x?new").text
    assert httpd.get("/pickle/x", {"X-Data": pickled}).text.startswith("True ")
    httpd.graceful()
    assert httpd.get("/pickle/x", {"X-Data": pickled}).text.startswith("True ")


def test_files_whose_names_are_no_names_of_modules(httpd: Httpd) -> None:
    httpd.write("dotted.name/v1.2-ü.py", "def handler(req):\n    req.write(__name__ + ' ' + __file__)\n    return 0\n")
    name = str(httpd.htdocs).replace(".", "%2E") + "/dotted%2Ename.v1%2E2-%C3%BC%2Epy"
    assert httpd.get("/dotted.name/x").text == f"{name} {httpd.htdocs}/dotted.name/v1.2-ü.py"


def test_a_file_that_is_named_is_not_taken_for_a_package_of_its_name(httpd: Httpd) -> None:
    for name in ("both/both.py", "both/both/__init__.py"):
        httpd.write(name, "def handler(req):\n    req.write(__file__.split('/both/')[1] + ' ')\n    return 0\n")
    assert httpd.get("/both/x").text == "both/__init__.py both.py "


def test_one_name_on_two_python_paths_means_two_modules() -> None:
    with WithoutPath(CONF, beside=__file__) as httpd:
        httpd.handler("path_page.py", PAGE.format(name="the path"))
        httpd.handler("path-one/path_door.py", DOOR.format(status=403))
        httpd.handler("path-two/path_door.py", DOOR.format(status=0))
        for _ in range(6):
            assert httpd.get("/path/one").status == 403
            assert httpd.get("/path/two").text == "the secret of the path"
