"""`apache.import_module` and its arguments; modules without source, in zip archives, and in namespace packages."""

import py_compile
import time
import zipfile
from pathlib import Path

from reloading import until

from httpd import Httpd, WithoutPath

SERVER = WithoutPath
CONF = """
SetHandler mod_python
<Directory ${HTDOCS}/imports>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/fixed>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/compiled>
    PythonHandler compiled
</Directory>
<Location /compiled-on-path>
    PythonPath "['${HANDLERS}/compiled'] + sys.path"
    PythonHandler compiled_on_path
</Location>
<Location /zip>
    PythonPath "['${HANDLERS}/shop.zip'] + sys.path"
    PythonHandler zipped
</Location>
<Location /namespace>
    PythonPath "['${HANDLERS}/space'] + sys.path"
    PythonHandler space.of.names
</Location>
<Location /later>
    PythonPath "['${HANDLERS}/later'] + sys.path"
    PythonHandler later_page
</Location>
<Location /one>
    PythonPath "['${HANDLERS}/one'] + sys.path"
    PythonHandler first_page
</Location>
<Location /two>
    PythonPath "['${HANDLERS}/two'] + sys.path"
    PythonHandler second_page
</Location>
"""
PAGE = """
from mod_python import apache

def handler(req):
    name, _, options = req.args.partition("&")
    options = eval(options or "{}", {"folder": req.filename.rpartition("/")[0]})
    req.write(str(apache.import_module(name, **options).value), 0)
    return 0
"""
VALUE = "def handler(req):\n    req.write({value!r})\n    return 0\n"


def test_autoreload(httpd: Httpd) -> None:
    httpd.write("imports/x", "")
    httpd.write("imports/page.py", PAGE)
    httpd.write("imports/fresh.py", "value = 1\n")
    httpd.write("imports/stale.py", "value = 1\n")
    assert httpd.get("/imports/x?fresh").text == "1"
    assert httpd.get("/imports/x?stale&{'autoreload':False}").text == "1"
    httpd.write("imports/stale.py", "value = 2\n")
    httpd.write("imports/fresh.py", "value = 2\n")
    until(httpd, "/imports/x?fresh", "2")
    assert httpd.get("/imports/x?stale&{'autoreload':False}").text == "1"
    assert httpd.get("/imports/x?stale&{'autoreload':True,'log':True}").text == "2"
    httpd.wait_for_log("reimported module '.*/imports.stale'")
    httpd.expect("the changed version of module '.*fresh' cannot be used.*ZeroDivisionError")
    httpd.write("imports/fresh.py", "value = 1 / 0\n")
    end = time.monotonic() + 20
    while "ZeroDivisionError" not in httpd.error_text():
        assert httpd.get("/imports/x?fresh").text == "2"
        assert time.monotonic() < end
    httpd.write("imports/fresh.py", "value = 3\n")
    until(httpd, "/imports/x?fresh", "3")


def test_what_is_asked_for_without_autoreload_is_not_replaced_with_the_caller(httpd: Httpd) -> None:
    page = """
from mod_python import apache
import statement

def handler(req):
    named = apache.import_module("named", autoreload=False)
    req.write(f"{number} {statement.value} {named.value}", 0)
    return 0

number = 1
"""
    httpd.write("fixed/x", "")
    httpd.write("fixed/page.py", page)
    httpd.write("fixed/statement.py", "value = 1\n")
    httpd.write("fixed/named.py", "value = 1\n")
    until(httpd, "/fixed/x", "1 1 1")
    httpd.write("fixed/named.py", "value = 2\n")
    httpd.write("fixed/statement.py", "value = 2\n")
    until(httpd, "/fixed/x", "1 2 1")
    httpd.write("fixed/page.py", page.replace("number = 1", "number = 3"))
    until(httpd, "/fixed/x", "3 2 1")
    httpd.write("fixed/page.py", page.replace("number = 1", "number = 4").replace(", autoreload=False", ""))
    until(httpd, "/fixed/x", "4 2 2")


def test_path_is_where_the_module_is_looked_for(httpd: Httpd) -> None:
    httpd.write("imports/x", "")
    httpd.write("imports/page.py", PAGE)
    httpd.write("imports/plugin.py", "value = 'beside'\n")
    httpd.write("imports/a/plugin.py", "value = 'a'\n")
    httpd.write("imports/b/plugin/__init__.py", "from . import inner\nvalue = inner.value\n")
    httpd.write("imports/b/plugin/inner.py", "value = 'b'\n")
    for _ in range(2):
        assert httpd.get("/imports/x?plugin").text == "beside"
        assert httpd.get("/imports/x?plugin&{'path':[folder+'/a']}").text == "a"
        assert httpd.get("/imports/x?plugin&{'path':[folder+'/none',folder+'/b']}").text == "b"
        assert httpd.get("/imports/x?plugin.inner&{'path':[folder+'/b']}").text == "b"
    httpd.write("imports/b/plugin/inner.py", "value = 'B'\n")
    until(httpd, "/imports/x?plugin&{'path':[folder+'/b']}", "B")
    httpd.expect("No module named 'colorsys' in .*/imports/a")
    assert httpd.get("/imports/x?colorsys&{'path':[folder+'/a']}").status == 500


def compiled(httpd: Httpd, file: Path, value: str) -> None:
    """Put a .pyc file, without its source."""
    source = httpd.folder / "source.py"
    source.write_text(VALUE.format(value=value))
    new = httpd.folder / "compiled.pyc"
    py_compile.compile(str(source), cfile=str(new), doraise=True)
    new.chmod(0o644)
    file.parent.mkdir(parents=True, exist_ok=True)
    new.replace(file)


def test_modules_without_source(httpd: Httpd) -> None:
    httpd.write("compiled/x", "")
    folder = {"/compiled/x": httpd.htdocs / "compiled/compiled.pyc"}
    places = {**folder, "/compiled-on-path": httpd.handlers / "compiled/compiled_on_path.pyc"}
    for path, file in places.items():
        compiled(httpd, file, "one")
        assert httpd.get(path).text == "one"
        compiled(httpd, file, "two")
        until(httpd, path, "two")
        # Source code comes before it.
        file.with_suffix(".py").write_text(VALUE.format(value="three"))
        until(httpd, path, "three")
        file.with_suffix(".py").unlink()
        until(httpd, path, "two")


def test_modules_in_zip_archives(httpd: Httpd) -> None:
    with zipfile.ZipFile(httpd.handlers / "shop.zip", "w") as archive:
        archive.writestr("zipped.py", "from goods import value\n" + VALUE.format(value="goods") + "assert value == 1\n")
        archive.writestr("goods.py", "value = 1\n")
    assert httpd.get("/zip").text == "goods"


def test_namespace_packages(httpd: Httpd) -> None:
    httpd.handler("space/space/of/names.py", "from space.of import others\n" + VALUE.format(value="1"))
    httpd.handler("space/space/of/others.py", "")
    assert httpd.get("/namespace").text == "1"
    httpd.handler("space/space/of/names.py", VALUE.format(value="2"))
    until(httpd, "/namespace", "2")


def test_a_folder_that_is_made_after_the_first_request(httpd: Httpd) -> None:
    httpd.expect("No module named 'later_page'")
    for _ in range(2):
        assert httpd.get("/later").status == 500
    httpd.handler("later/later_page.py", VALUE.format(value="here"))
    assert httpd.get("/later").text == "here"


def test_what_a_section_imports_is_of_its_own_path(httpd: Httpd) -> None:
    for name, page in (("one", "first_page"), ("two", "second_page")):
        source = "import common\ndef handler(req):\n    import late_common\n"
        source += "    req.write(common.value + late_common.value)\n    return 0\n"
        httpd.handler(f"{name}/{page}.py", source)
        httpd.handler(f"{name}/common.py", f"value = '{name} '\n")
        httpd.handler(f"{name}/late_common.py", f"value = 'late {name}'\n")
    for _ in range(4):
        assert httpd.get("/two").text == "two late two"
        assert httpd.get("/one").text == "one late one"
