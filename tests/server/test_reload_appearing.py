"""Files that appear where an import found none, or one of another folder."""

import shutil
import time

import pytest
from reloading import ONE_THREAD, until

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
CONF = ONE_THREAD
CONF += """
<Directory ${HTDOCS}/beside>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/package>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/both>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/settled>
    PythonHandler page
</Directory>
<Location /path>
    PythonInterpreter path
    PythonPath "['${HANDLERS}/first', '${HANDLERS}/second'] + sys.path"
    PythonHandler page
</Location>
"""
CONF += """
<Location /made>
    PythonInterpreter made
    PythonPath "['${HANDLERS}/made', '${HANDLERS}/made-later'] + sys.path"
    PythonHandler page
</Location>
"""
for name in ("one", "two"):
    CONF += f"""
<Location /{name}>
    PythonInterpreter shared
    PythonPath "['${{HANDLERS}}/{name}'] + sys.path"
    PythonHandler site_{name}
    <If "%{{QUERY_STRING}} == 'tools'">
        PythonHandler tools::show
    </If>
</Location>
"""
PAGE = """
{top}
def handler(req):
    req.write(str({value}))
    return 0
"""
OPTIONAL = "try:\n    {statement}\nexcept ImportError:\n    value = 'none'\n"


@pytest.mark.parametrize(
    ("folder", "statement", "file"),
    [
        ("beside", "from local import value", "local.py"),
        ("beside", "from folder.local import value", "folder/__init__.py"),
        ("beside", "import importlib; value = importlib.import_module('texts').value", "texts.py"),
        ("package", "from shop.local import value", "shop/local.py"),
    ],
)
def test_an_import_that_failed(httpd: Httpd, folder: str, statement: str, file: str) -> None:
    httpd.write("package/shop/__init__.py", "")
    if "importlib" in statement:
        # Code that computes a name finds modules by their full names.
        statement = statement.replace("'texts'", "__name__.rpartition('.')[0] + '.' + 'texts'")
    top = OPTIONAL.format(statement=statement)
    httpd.write(f"{folder}/page.py", PAGE.format(top=top, value="value"))
    until(httpd, f"/{folder}/", "none")
    if file == "folder/__init__.py":
        httpd.write("beside/folder/local.py", "value = 'there'\n")
    httpd.write(f"{folder}/{file}", "value = 'there'\n")
    until(httpd, f"/{folder}/", "there")


def test_a_relative_import_that_failed(httpd: Httpd) -> None:
    httpd.write("package/goods/__init__.py", OPTIONAL.format(statement="from . import local as value"))
    httpd.write("package/page.py", PAGE.format(top="import goods", value="getattr(goods.value, 'text', goods.value)"))
    until(httpd, "/package/", "none")
    httpd.write("package/goods/local.py", "text = 'there'\n")
    until(httpd, "/package/", "there")


def test_a_folder_of_the_path_that_appears_with_its_files(httpd: Httpd) -> None:
    top = OPTIONAL.format(statement="from local_made import value")
    httpd.handler("made/page.py", PAGE.format(top=top, value="value"))
    until(httpd, "/made", "none")
    before = httpd.handler("made-before/local_made.py", "value = 'made'\n").parent
    before.rename(before.with_name("made-later"))
    until(httpd, "/made", "made")


def test_a_package_beside_the_module_of_its_name(httpd: Httpd) -> None:
    httpd.write("both/page.py", PAGE.format(top="import shop", value="shop.value"))
    httpd.write("both/shop.py", "value = 'module'\n")
    until(httpd, "/both/", "module")
    for _ in range(2):
        httpd.write("both/shop/__init__.py", "from .inner import value\n")
        httpd.write("both/shop/inner.py", "value = 'package'\n")
        until(httpd, "/both/", "package")
        shutil.rmtree(httpd.htdocs / "both/shop")
        until(httpd, "/both/", "module")


def test_a_module_is_made_anew_once_for_a_file_that_appears(httpd: Httpd) -> None:
    top = "import itertools\ncount = itertools.count(1)\n"
    top += "try:\n    import broken\nexcept ImportError:\n    pass\n"
    httpd.write("settled/page.py", PAGE.format(top=top, value="next(count)"))
    until(httpd, "/settled/", "1")
    assert httpd.get("/settled/").text == "2"
    httpd.write("settled/broken.py", "raise ImportError('not today')\n")
    until(httpd, "/settled/", "1")
    httpd.write("settled/other.py", "")
    time.sleep(0.3)
    for wanted in range(2, 8):
        assert httpd.get("/settled/").text == f"{wanted}"
        time.sleep(0.03)


def test_a_file_in_an_earlier_folder_of_a_path(httpd: Httpd) -> None:
    httpd.handler("first/x.py", "")
    httpd.handler("second/page.py", PAGE.format(top="import helper", value="'second ' + helper.value"))
    httpd.handler("second/helper.py", "value = 'second'\n")
    until(httpd, "/path", "second second")
    httpd.handler("first/helper.py", "value = 'first'\n")
    until(httpd, "/path", "second first")
    httpd.handler("first/page.py", PAGE.format(top="import helper", value="'first ' + helper.value"))
    until(httpd, "/path", "first first")


def test_two_paths_in_one_interpreter_do_not_mix_a_module_that_appears_later(httpd: Httpd) -> None:
    """`one` has plain names, and `tools` is of `two` before it is of `one`, too."""
    httpd.handler("one/site_one.py", PAGE.format(top="", value="__name__"))
    httpd.handler("two/site_two.py", PAGE.format(top="import tools", value="f'{tools.value} {__name__}'"))
    httpd.handler("two/tools.py", PAGE.format(top="value = 'two'\nshow = lambda req: handler(req)", value="value"))
    until(httpd, "/one", "site_one")
    until(httpd, "/two", "two site_two")
    tools = httpd.handler("one/tools.py", "value = 'one'\ndef show(req):\n    req.write(value)\n    return 0\n")
    page = PAGE.format(top="import tools", value="f'{tools.value} {__name__}'")
    httpd.handler("one/site_one.py", page)
    until(httpd, "/one", "one site_one")
    until(httpd, "/two", "two site_two")
    until(httpd, "/one?tools", "one")
    until(httpd, "/two?tools", "two")
    httpd.handler("one/tools.py", tools.read_text().replace("'one'", "'one again'"))
    until(httpd, "/one", "one again site_one")
    until(httpd, "/one?tools", "one again")
    assert httpd.get("/two").text == "two site_two"
