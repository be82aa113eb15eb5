"""Modules that code takes out of `sys.modules`, or has replaced there by None."""

import time

import pytest
from reloading import ONE_THREAD, until

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
CONF = ONE_THREAD
CONF += """
PythonHandler page
"""
for each in ("itself", "itself-None", "others", "others-None", "idiom", "failed", "none"):
    CONF += f"""
<Directory ${{HTDOCS}}/{each}>
    PythonHandler page
</Directory>
"""
PAGE = "{top}\ndef handler(req):\n    req.write('{value}')\n    return 0\n"


@pytest.mark.parametrize(
    ("folder", "statement"),
    [("itself", "del sys.modules[__name__]"), ("itself-None", "sys.modules[__name__] = None")],
)
def test_a_version_that_takes_itself_out(httpd: Httpd, folder: str, statement: str) -> None:
    """It is no version, as an import of it fails."""
    httpd.write(f"{folder}/page.py", PAGE.format(top="", value="old"))
    until(httpd, f"/{folder}/", "old")
    httpd.expect("its changed version cannot be used", "ImportError: .*page.py has taken itself out of sys.modules")
    since = httpd.error_log.stat().st_size
    httpd.write(f"{folder}/page.py", PAGE.format(top=f"import sys\n{statement}", value="gone"))
    end = time.monotonic() + 20
    while "taken itself out" not in httpd.error_text(since):
        assert time.monotonic() < end
        assert httpd.get(f"/{folder}/").text == "old"
    assert httpd.get(f"/{folder}/").text == "old"
    httpd.write(f"{folder}/page.py", PAGE.format(top="", value="new"))
    until(httpd, f"/{folder}/", "new")


def test_a_module_that_is_replaced_by_none_later(httpd: Httpd) -> None:
    """Its last version goes on to be used, also when files have changed."""
    top = "import sys\ndef forget():\n    sys.modules[__name__] = None"
    text = PAGE.format(top=top, value="kept").replace("return 0", "forget()\n    return 0")
    httpd.write("none/page.py", text)
    until(httpd, "/none/", "kept")
    httpd.allow("its changed version cannot be used|import of .* halted; None in sys.modules")
    for value in (1, 2, 3):
        httpd.write("none/other.py", f"value = {value}\n")
        httpd.write("none/page.py", f"{text}# {value}\n")
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            assert httpd.get("/none/").text == "kept"


@pytest.mark.parametrize(
    ("folder", "statement"),
    [
        ("others", "del sys.modules[rules.__name__]"),
        ("others-None", "sys.modules[rules.__name__] = None"),
    ],
)
def test_a_module_that_was_taken_out_is_no_reason_to_make_others_anew(
    httpd: Httpd, folder: str, statement: str
) -> None:
    """Its file changes; the page is made anew once at most, not at each request."""
    text = "import itertools, sys\nfrom mod_python import apache\nmade = apache.kept('made', itertools.count)\n"
    text += "next(made)\ndef handler(req):\n    req.write(str(made))\n    if req.args == 'load':\n"
    text += f"        import rules\n        {statement}\n    return 0\n"
    httpd.write(f"{folder}/rules.py", "value = 1\n")
    httpd.write(f"{folder}/page.py", text)
    until(httpd, f"/{folder}/?load", "count(1)")
    httpd.write(f"{folder}/rules.py", "value = 22\n")
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert httpd.get(f"/{folder}/").text in ("count(1)", "count(2)")
        time.sleep(0.02)


def test_the_old_way_to_reload(httpd: Httpd) -> None:
    """Programs that take modules out of `sys.modules`, and import them again, go on to work."""
    text = "import sys\ndef handler(req):\n    for name in [*sys.modules]:\n        if name.endswith('idiom.rules'):\n"
    text += "            del sys.modules[name]\n    import rules\n    req.write(str(rules.value))\n    return 0\n"
    httpd.write("idiom/page.py", text)
    for value in (1, 22, 333):
        httpd.write("idiom/rules.py", f"value = {value}\n")
        until(httpd, "/idiom/", f"{value}")


def test_a_module_whose_import_has_failed_is_tried_again_when_it_changes(httpd: Httpd) -> None:
    top = "try:\n    from extra import value\nexcept ImportError:\n    value = 'none'"
    httpd.write("failed/extra.py", "raise ImportError\n")
    httpd.write("failed/page.py", PAGE.format(top=top, value="{}").replace("'{}'", "value"))
    until(httpd, "/failed/", "none")
    for value in ("one", "two"):
        httpd.write("failed/extra.py", f"value = '{value}'\n")
        until(httpd, "/failed/", value)
