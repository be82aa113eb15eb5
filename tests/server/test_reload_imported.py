"""Changed modules that several handlers, or other modules, import: what each of them needs of a new version."""

import time

from reloading import ONE_THREAD, until

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
CONF = ONE_THREAD
CONF += """
<Directory ${HTDOCS}/imported>
    PythonHandlerModule door
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/package>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/later>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/gone>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/link>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/shared>
    PythonHandler page
    <Files "other">
        PythonHandler other
    </Files>
    <Files "later">
        PythonHandler later
    </Files>
</Directory>
<Directory ${HTDOCS}/plugins>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/text>
    PythonHandler page
</Directory>
"""
DOOR = """
def accesshandler(req):
    return 0 if req.args == "alice" else 403
"""
PAGE = """
{top}
def handler(req):
    req.write(str({value}), 0)
    return 0
"""
LATER = """
def handler(req):
    if not req.args:
        req.write("none")
        return 0
    import inner
    req.write(str(inner.rules.value))
    return 0
"""


def page(httpd: Httpd, folder: str, value: object, top: str = "") -> None:
    httpd.write(f"{folder}/page.py", PAGE.format(value=value, top=top))


def test_half_of_an_access_handler_lets_nobody_in_where_others_import_it(httpd: Httpd) -> None:
    httpd.write("imported/door.py", DOOR)
    page(httpd, "imported", 1, "import door")
    assert httpd.get("/imported/?alice").text == "1"
    assert httpd.get("/imported/?mallory").status == 403
    httpd.allow("door.py has no 'accesshandler', as the one in use has")
    httpd.write("imported/door.py", "rules = 2\n")
    end = time.monotonic() + 20
    while "has no 'accesshandler'" not in httpd.log():
        assert time.monotonic() < end
        assert httpd.get("/imported/?mallory").status == 403
    for user, status in [("mallory", 403), ("alice", 200)] * 3:
        assert httpd.get(f"/imported/?{user}").status == status
    httpd.write("imported/door.py", DOOR.replace("alice", "carol"))
    until(httpd, "/imported/?carol", "1")
    assert httpd.get("/imported/?alice").status == 403


def test_the_package_that_an_import_statement_gives(httpd: Httpd) -> None:
    httpd.write("package/shop/__init__.py", "value = 1\n")
    httpd.write("package/shop/model.py", "")
    page(httpd, "package", "shop.value", "import shop.model")
    assert httpd.get("/package/").text == "1"
    httpd.write("package/shop/__init__.py", "value = 22\n")
    until(httpd, "/package/", "22")


def test_what_only_the_new_version_imports(httpd: Httpd) -> None:
    """Its imports had been looked up when another file of the folder changed."""
    httpd.write("later/rules.py", "value = 1\n")
    httpd.write("later/other.py", "import rules\n")
    page(httpd, "later", 1, "import sys\nif len(sys.argv) > 99: import other\n")
    httpd.write("later/loads.py", "import rules\n")
    assert httpd.get("/later/").text == "1"
    page(httpd, "later", "loads.rules.value", "import loads")
    until(httpd, "/later/", "1")
    httpd.write("later/unrelated.py", "")
    time.sleep(0.3)
    assert httpd.get("/later/").text == "1"
    httpd.write("later/rules.py", "value = 22\nmore = 3\n")
    page(httpd, "later", "rules.more", "import rules")
    until(httpd, "/later/", "3")


def test_a_file_that_is_gone_where_the_library_has_its_name(httpd: Httpd) -> None:
    httpd.write("gone/colorsys.py", "value = 1\n")
    page(httpd, "gone", "colorsys.value", "import colorsys")
    assert httpd.get("/gone/").text == "1"
    (httpd.htdocs / "gone/colorsys.py").unlink()
    page(httpd, "gone", "10 + (colorsys.__name__ == 'colorsys')", "import colorsys")
    until(httpd, "/gone/", "11")


def test_the_file_behind_a_link(httpd: Httpd) -> None:
    page(httpd, "link-target", 1)
    httpd.write("link/x", "")
    (httpd.htdocs / "link/page.py").symlink_to("../link-target/page.py")
    assert httpd.get("/link/").text == "1"
    page(httpd, "link-target", 22)
    until(httpd, "/link/", "22")


def test_a_relative_name_in_a_text(httpd: Httpd) -> None:
    found = "import importlib\nfound = importlib.import_module('.part', __package__)\n"
    httpd.write("text/shop/__init__.py", found)
    httpd.write("text/shop/part.py", "value = 1\n")
    httpd.write("text/shop/inner/__init__.py", found.replace("'.part'", "'..part'"))
    page(httpd, "text", "f'{shop.found.value} {shop.inner.found.value}'", "import shop.inner")
    assert httpd.get("/text/").text == "1 1"
    httpd.write("text/shop/part.py", "value = 22\n")
    until(httpd, "/text/", "22 22")


def test_the_first_import_of_what_another_handler_has_used_before(httpd: Httpd) -> None:
    """The file has changed since, and no request has asked for the other handler."""
    httpd.write("shared/x", "")
    httpd.write("shared/rules.py", "value = 1\n")
    page(httpd, "shared", "rules.value", "import rules")
    httpd.write("shared/other.py", PAGE.format(top="import between", value="between.rules.value"))
    httpd.write("shared/between.py", "import rules\n")
    httpd.write("shared/inner.py", "import rules\n")
    httpd.write("shared/later.py", LATER)
    assert httpd.get("/shared/x").text == "1"
    assert httpd.get("/shared/later").text == "none"
    httpd.write("shared/rules.py", "value = 22\n")
    time.sleep(0.3)
    assert httpd.get("/shared/later").text == "none"
    assert httpd.get("/shared/other").text == "22"
    until(httpd, "/shared/x", "22")
    httpd.write("shared/rules.py", "value = 333\n")
    time.sleep(0.3)
    assert httpd.get("/shared/later").text == "none"
    until(httpd, "/shared/later?now", "333")


def test_a_new_version_that_imports_what_imports_a_changed_file(httpd: Httpd) -> None:
    httpd.write("shared/rules.py", "value = 1\n")
    httpd.write("shared/fresh.py", "import rules\n")
    page(httpd, "shared", "rules.value", "import rules")
    until(httpd, "/shared/x", "1")
    httpd.write("shared/other.py", PAGE.format(top="", value="'plain'"))
    until(httpd, "/shared/other", "plain")
    httpd.write("shared/rules.py", "value = 22\n")
    httpd.write("shared/other.py", PAGE.format(top="import fresh", value="fresh.rules.value"))
    end = time.monotonic() + 20
    while (answer := httpd.get("/shared/other").text) == "plain":
        assert time.monotonic() < end
    assert answer == "22"


def test_modules_whose_names_are_computed(httpd: Httpd) -> None:
    """A plug-in that is there from the start, one that appears, and what they import."""
    top = "import importlib, pkgutil, plugins\nnames = [one.name for one in pkgutil.iter_modules(plugins.__path__)]\n"
    top += "found = [importlib.import_module(f'{plugins.__name__}.{name}') for name in names]"
    page(httpd, "plugins", "[one.value for one in found]", top)
    httpd.write("plugins/plugins/__init__.py", "")
    httpd.write("plugins/plugins/a.py", "value = 1\n")
    assert httpd.get("/plugins/").text == "[1]"
    for value in (22, 333):
        httpd.write("plugins/plugins/a.py", f"value = {value}\n")
        until(httpd, "/plugins/", f"[{value}]")
    httpd.write("plugins/plugins/b.py", "from .a import value\n")
    page(httpd, "plugins", "sorted(one.value for one in found)", top)
    until(httpd, "/plugins/", "[333, 333]")
    httpd.write("plugins/plugins/a.py", "value = 4\n")
    until(httpd, "/plugins/", "[4, 4]")


def test_a_module_that_is_no_longer_imported_does_not_matter(httpd: Httpd) -> None:
    """It was imported by the old version alone, and does not work with the new one."""
    httpd.write("plugins/helper.py", "import page\nneeds = page.old\n")
    page(httpd, "plugins", "old", "old = 'old'\nimport helper")
    until(httpd, "/plugins/", "old")
    page(httpd, "plugins", "'new'")
    until(httpd, "/plugins/", "new")
    httpd.write("plugins/helper.py", "1 / 0\n")
    page(httpd, "plugins", "'newer'")
    until(httpd, "/plugins/", "newer")
