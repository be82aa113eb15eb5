"""Changed modules show in the next requests, whole or not at all: `PythonAutoReload`."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd, WithoutPath

MPMS = ("event", "worker")
SERVER = WithoutPath
CONF = """
SetHandler mod_python
<Directory ${HTDOCS}/folder>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/many>
    PythonHandler page
</Directory>
<Directory ${HTDOCS}/debug>
    PythonHandler page
    PythonDebug On
</Directory>
<Directory ${HTDOCS}/off>
    PythonHandler page
    PythonAutoReload Off
</Directory>
<Directory ${HTDOCS}/door>
    PythonAccessHandler door
    PythonHandler ~/page.py
</Directory>
<Directory ${HTDOCS}/silent>
    PythonHandlerModule guard
</Directory>
<Directory ${HTDOCS}/package>
    PythonHandler shop.pages
</Directory>
<Directory ${HTDOCS}/object>
    PythonHandler gate
</Directory>
<Directory ${HTDOCS}/filter>
    SetHandler none
    PythonOutputFilter mark MARK
    SetOutputFilter MARK
</Directory>
<Location /path>
    PythonPath "['${HANDLERS}/on-path'] + sys.path"
    PythonHandler path_page
</Location>
"""
PAGE = """
import rules
value = {value}
def handler(req):
    req.write(f"{{value}} {{rules.value}}", 0)
    return 0
"""
RULES = "value = {value}\n"
UNUSABLE = "its changed version cannot be used"


def until(ask: Callable[[], object], wanted: object) -> None:
    """Ask until the answer is the wanted one."""
    end = time.monotonic() + 20
    while (answer := ask()) != wanted:
        assert time.monotonic() < end, answer
        time.sleep(0.01)


def put(httpd: Httpd, folder: str, page: int, rules: int) -> None:
    httpd.write(f"{folder}/x", "")
    httpd.write(f"{folder}/rules.py", RULES.format(value=rules))
    httpd.write(f"{folder}/page.py", PAGE.format(value=page))


def test_a_changed_module_and_what_it_imports_are_used(httpd: Httpd) -> None:
    put(httpd, "folder", 1, 1)
    assert httpd.get("/folder/x").text == "1 1"
    for value in range(2, 12):
        # Of the same length, and often with the same time.
        httpd.write("folder/rules.py", RULES.format(value=value % 10))
        until(lambda: httpd.get("/folder/x").text, f"{(value - 1) % 10} {value % 10}")
        httpd.write("folder/page.py", PAGE.format(value=value % 10))
        until(lambda: httpd.get("/folder/x").text, f"{value % 10} {value % 10}")


def test_a_module_that_imports_nothing_changed_keeps_its_state(httpd: Httpd) -> None:
    put(httpd, "folder", 1, 1)
    httpd.write("folder/state.py", "import itertools\ncount = itertools.count(1)\n")
    page = "import rules, state\ndef handler(req):\n    req.write(f'{rules.value} {next(state.count)}')\n    return 0\n"
    httpd.write("folder/page.py", page)
    until(lambda: httpd.get("/folder/x").text.split()[0], "1")
    before = int(httpd.get("/folder/x").text.split()[1])
    httpd.write("folder/rules.py", RULES.format(value=2))
    until(lambda: httpd.get("/folder/x").text.split()[0], "2")
    assert int(httpd.get("/folder/x").text.split()[1]) > before


def test_what_a_module_keeps_goes_to_its_new_version(httpd: Httpd) -> None:
    page = "from mod_python import apache\npool = apache.kept('pool', lambda: [])\npool.append({value})\n"
    page += "def handler(req):\n    req.write(f'{{pool}} {{apache.module_mtime(sys.modules[__name__]) > 0}}')\n"
    page += "    return 0\nimport sys\n"
    httpd.write("folder/x", "")
    httpd.write("folder/page.py", page.format(value=1))
    until(lambda: httpd.get("/folder/x").text, "[1] True")
    httpd.write("folder/page.py", page.format(value=2))
    until(lambda: httpd.get("/folder/x").text, "[1, 2] True")


@pytest.mark.parametrize("broken", ["def handler(req:\n", "import no_such_module\n", "1 / 0\n", ""])
def test_a_broken_version_leaves_the_old_one_in_use(httpd: Httpd, broken: str) -> None:
    put(httpd, "folder", 1, 1)
    until(lambda: httpd.get("/folder/x").text, "1 1")
    since = httpd.error_log.stat().st_size
    httpd.write("folder/page.py", broken)
    httpd.expect(f"PythonHandler page|page .*{UNUSABLE}|Error: ", UNUSABLE)
    httpd.allow("page .*cannot be used|Error|page.py")
    until(lambda: httpd.get("/folder/x").text == "1 1" and UNUSABLE in httpd.error_text(since), True)
    time.sleep(0.5)
    assert {httpd.get("/folder/x").text for _ in range(20)} == {"1 1"}
    assert httpd.error_text(since).count(UNUSABLE) == 1
    httpd.write("folder/page.py", PAGE.format(value=2))
    until(lambda: httpd.get("/folder/x").text, "2 1")


def test_the_page_shows_why_a_version_is_broken(httpd: Httpd) -> None:
    put(httpd, "debug", 1, 1)
    assert httpd.get("/debug/x").text == "1 1"
    httpd.expect("PythonHandler page.*ZeroDivisionError")
    httpd.write("debug/rules.py", "value = 1 / 0\n")
    until(lambda: httpd.get("/debug/x").status, 500)
    text = httpd.get("/debug/x").text
    assert "ZeroDivisionError" in text and "/debug/rules.py" in text and "_reload.py" not in text
    httpd.write("debug/rules.py", "value = 3\n")
    until(lambda: httpd.get("/debug/x").text, "1 3")


def test_nothing_is_reloaded_with_the_directive_off(httpd: Httpd) -> None:
    put(httpd, "off", 1, 1)
    put(httpd, "folder", 1, 1)
    assert httpd.get("/off/x").text == "1 1"
    put(httpd, "off", 2, 2)
    put(httpd, "folder", 2, 2)
    until(lambda: httpd.get("/folder/x").text, "2 2")
    time.sleep(0.5)
    assert {httpd.get("/off/x").text for _ in range(10)} == {"1 1"}


DOOR = "def accesshandler(req):\n    return {status}\n"
OPEN = "def handler(req):\n    req.write('the secret')\n    return 0\n"


def test_a_broken_access_handler_leaves_the_old_one_deciding(httpd: Httpd) -> None:
    httpd.write("door/x", "")
    httpd.write("door/page.py", OPEN)
    httpd.write("door/door.py", DOOR.format(status=403))
    assert httpd.get("/door/x").status == 403
    httpd.allow("door .*cannot be used|Error|door.py")
    for broken in ("", "def accesshandler(req):\n", "raise KeyError\n", "def other(req):\n    return 0\n"):
        since = httpd.error_log.stat().st_size
        httpd.write("door/door.py", broken)
        until(lambda: httpd.get("/door/x").status == 403 and UNUSABLE in httpd.error_text(since), True)  # noqa: B023
        assert {httpd.get("/door/x").status for _ in range(20)} == {403}
    httpd.write("door/door.py", DOOR.format(status=0))
    until(lambda: httpd.get("/door/x").text, "the secret")
    httpd.write("door/door.py", DOOR.format(status=403))
    until(lambda: httpd.get("/door/x").status, 403)


def test_a_handler_module_that_loses_a_function_is_broken(httpd: Httpd) -> None:
    httpd.write("silent/x", "")
    httpd.write("silent/guard.py", OPEN + DOOR.format(status=403))
    assert httpd.get("/silent/x").status == 403
    httpd.allow("guard .*cannot be used|AttributeError: the changed version")
    since = httpd.error_log.stat().st_size
    httpd.write("silent/guard.py", OPEN)
    until(lambda: httpd.get("/silent/x").status == 403 and UNUSABLE in httpd.error_text(since), True)
    assert {httpd.get("/silent/x").status for _ in range(20)} == {403}
    httpd.write("silent/guard.py", OPEN + DOOR.format(status=0) + "def fixuphandler(req):\n    return 0\n")
    until(lambda: httpd.get("/silent/x").text, "the secret")


def test_modules_of_packages(httpd: Httpd) -> None:
    pages = "import importlib\nfrom . import goods\nfrom .prices import price\nimport shop.stock as stock\n"
    pages += "def handler(req):\n    from shop import late\n    late2 = importlib.import_module('.late', __package__)\n"
    pages += (
        "    req.write(f'{goods.value} {price} {stock.value} {late.value} {late2 is late} {{value}}')\n    return 0\n"
    )
    httpd.write("package/x", "")
    httpd.write("package/shop/__init__.py", "name = 'shop'\n")
    for name in ("goods", "stock", "late"):
        httpd.write(f"package/shop/{name}.py", "value = 1\n")
    httpd.write("package/shop/prices.py", "from .goods import value as price\n")
    httpd.write("package/shop/pages.py", pages.replace("{{value}}", "1"))
    assert httpd.get("/package/x").text == "1 1 1 1 True 1"
    for name, wanted in (("goods", "2 2 1 1 True 1"), ("stock", "2 2 2 1 True 1"), ("late", "2 2 2 2 True 1")):
        httpd.write(f"package/shop/{name}.py", "value = 2\n")
        until(lambda: httpd.get("/package/x").text, wanted)
    httpd.write("package/shop/__init__.py", "name = 'shops'\n")
    httpd.write("package/shop/pages.py", pages.replace("{{value}}", "2"))
    until(lambda: httpd.get("/package/x").text, "2 2 2 2 True 2")


def test_modules_that_import_each_other(httpd: Httpd) -> None:
    httpd.write("folder/x", "")
    one = "value = {value}\nimport other\ndef handler(req):\n"
    one += "    req.write(f'{{value}} {{other.seen}} {{other.back()}}')\n"
    other = "import page\nseen = page.value\ndef back():\n    return page.value\n"
    httpd.write("folder/other.py", other)
    httpd.write("folder/page.py", one.format(value=1) + "    return 0\n")
    until(lambda: httpd.get("/folder/x").text, "1 1 1")
    httpd.write("folder/page.py", one.format(value=2) + "    return 0\n")
    until(lambda: httpd.get("/folder/x").text, "2 2 2")
    httpd.write("folder/other.py", other.replace("seen = ", "seen = 10 + "))
    until(lambda: httpd.get("/folder/x").text, "2 12 2")


GATE = """
import sys
class Gate:
    def handler(self, req):
        req.write(f"{value}")
        return 0
sys.modules[__name__] = Gate()
"""


def test_a_module_that_is_an_object(httpd: Httpd) -> None:
    httpd.write("object/x", "")
    httpd.write("object/gate.py", GATE.replace("{value}", "1"))
    assert httpd.get("/object/x").text == "1"
    httpd.write("object/gate.py", GATE.replace("{value}", "2"))
    until(lambda: httpd.get("/object/x").text, "2")
    httpd.write("object/gate.py", GATE.replace("{value}", "3"))
    until(lambda: httpd.get("/object/x").text, "3")


def test_a_filter(httpd: Httpd) -> None:
    source = "def outputfilter(filter):\n    while (data := filter.read()):\n        filter.write(data + b'{value}')\n"
    httpd.write("filter/x", "text ")
    httpd.write("filter/mark.py", source.format(value=1))
    assert httpd.get("/filter/x").text == "text 1"
    httpd.write("filter/mark.py", source.format(value=2))
    until(lambda: httpd.get("/filter/x").text, "text 2")


def test_modules_on_a_python_path(httpd: Httpd) -> None:
    page = "import path_rules\nfrom path_rules import value as named\n{line}\ndef handler(req):\n"
    page += "    req.write(f'{{path_rules.value}} {{named}} {{dynamic.value}} {{__name__}}')\n    return 0\n"
    dynamic = "import importlib\ndynamic = importlib.import_module('path_rules')"
    httpd.handler("on-path/path_rules.py", RULES.format(value=1))
    httpd.handler("on-path/path_page.py", page.format(line=dynamic))
    assert httpd.get("/path").text == "1 1 1 path_page"
    httpd.handler("on-path/path_rules.py", RULES.format(value=2))
    until(lambda: httpd.get("/path").text, "2 2 2 path_page")
    httpd.handler("on-path/path_page.py", page.format(line="dynamic = __import__('path_rules')"))
    httpd.handler("on-path/path_rules.py", RULES.format(value=3))
    until(lambda: httpd.get("/path").text, "3 3 3 path_page")


SLOW = """
import pickle, time
class Data:
    def __init__(self): self.value = {value}
{wait}
def handler(req):
    import rules
    if req.args == "pickle":
        data = pickle.loads(pickle.dumps(Data()))
        req.write(f"{{data.value}} {{type(data) is Data}} {{rules.value}}")
    else:
        req.write("{value}")
    return 0
"""


def test_others_are_served_by_the_old_version_meanwhile(httpd: Httpd) -> None:
    httpd.write("folder/x", "")
    httpd.write("folder/rules.py", RULES.format(value=1))
    httpd.write("folder/page.py", SLOW.format(value=1, wait=""))
    until(lambda: httpd.get("/folder/x?pickle").text, "1 True 1")
    httpd.write("folder/page.py", SLOW.format(value=2, wait="time.sleep(2)"))
    answers: list[str] = []

    def ask(_: int) -> None:
        end = time.monotonic() + 20
        while "2 True 1" not in answers:
            assert time.monotonic() < end
            answers.append(httpd.get("/folder/x?pickle").text)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert set(answers) == {"1 True 1", "2 True 1"}
    assert answers.count("1 True 1") > 10


FREED = """
import gc, types
def handler(req):
    gc.collect()
    ours = [one for one in gc.get_objects() if type(one) is types.FunctionType and one.__module__ == __name__]
    req.write(f"{value} {{len(ours)}}")
    return 0
"""


def test_old_versions_are_freed(httpd: Httpd) -> None:
    httpd.write("many/x", "")
    for value in range(30):
        httpd.write("many/page.py", FREED.format(value=value))
        until(lambda: httpd.get("/many/x").text.split()[0], f"{value}")
    # The one in use, and what a thread still works with.
    assert int(httpd.get("/many/x").text.split()[1]) < 4


def test_the_first_use_after_a_change_by_many_threads(httpd: Httpd) -> None:
    put(httpd, "many", 0, 0)
    until(lambda: httpd.get("/many/x").text, "0 0")
    for value in range(1, 6):
        put(httpd, "many", value, value)
        barrier = threading.Barrier(8)

        def ask(_: int, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            return httpd.get("/many/x").text

        with ThreadPoolExecutor(8) as pool:
            answers = set(pool.map(ask, range(8)))
        # One thread makes the new version, the others may go on with the old one.
        assert answers <= {f"{value} {value}", f"{value - 1} {value - 1}", f"{value - 1} {value}"}
        until(lambda: httpd.get("/many/x").text, f"{value} {value}")
