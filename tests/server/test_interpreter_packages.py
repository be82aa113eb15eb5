"""Packages with extension modules in several interpreters, and what each interpreter has for itself."""

import importlib.util
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from httpd import Httpd

INTERPRETER = None
MPMS = ("event", "prefork")
SITES = ("a.example", "b.example", "c.example")
SITE = """
<VirtualHost *:${{SITES_PORT}}>
    ServerName {0}
</VirtualHost>
"""
# Of one child, which all requests meet.
CONF = (
    """
StartServers 1
ServerLimit 1
MaxRequestWorkers 1
<IfModule !mpm_prefork_module>
    ThreadsPerChild 16
    MaxRequestWorkers 16
</IfModule>
PythonPath "['${STATE}/packages', '${HANDLERS}'] + sys.path"
<LocationMatch ^/(?<name>numbers|shared|own|prints|cancels)$>
    SetHandler mod_python
</LocationMatch>
<Location /numbers>
    PythonHandler packages::numbers
</Location>
<Location /shared>
    PythonHandler packages::shared
</Location>
<Location /own>
    PythonHandler packages::own
</Location>
<Location /prints>
    PythonHandler packages::prints
</Location>
<Location /cancels>
    PythonHandler packages::cancels
</Location>
Listen 127.0.0.1:${SITES_PORT}
"""
    + "".join(SITE.format(name) for name in SITES)
    + """
<VirtualHost *:${SITES_PORT}>
    ServerName joined.example
    PythonInterpreter a.example
</VirtualHost>
"""
)


@pytest.fixture(autouse=True)
def _packages(httpd: Httpd) -> None:
    """Copies of packages that the tests' own Python has, where httpd's children can read them."""
    folder = httpd.state / "packages"
    for name in ("numpy", "markupsafe"):
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        package = Path(spec.origin).parent
        for one in (package, package.with_name(f"{name}.libs")):
            if one.exists() and not (folder / one.name).exists():
                shutil.copytree(one, folder / one.name, ignore=shutil.ignore_patterns("tests", "__pycache__"))


def ask(httpd: Httpd, path: str, site: str) -> dict[str, Any]:
    answer = httpd.request("GET", path, headers={"Host": site}, port=httpd.port_of("SITES_PORT"))
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.text)
    return found


def test_what_many_interpreters_can_use(httpd: Httpd) -> None:
    for site in SITES * 2:
        assert ask(httpd, "/shared", site) == {
            "interpreter": site,
            "database": site,
            "escaped": "&lt;&amp;&gt;",
            "speedups": "markupsafe._speedups",
            "loop": site,
        }


def test_asyncio_cancels_in_each_interpreter(httpd: Httpd) -> None:
    with ThreadPoolExecutor(6) as clients:
        found = list(clients.map(lambda site: ask(httpd, "/cancels", site), SITES * 2))
    for site, one in zip(SITES * 2, found, strict=True):
        assert one["interpreter"] == site
        assert one["raised"] == ["TimeoutError", "TimeoutError", "caught", "KeyError"] * 2
        assert one["tasks"] == 1
    fast = {one["interpreter"] for one in found if one["is_fast"]}
    assert len(fast) == (1 if sys.version_info < (3, 12) else 3)


def test_what_one_interpreter_can_use_says_who_has_it(httpd: Httpd) -> None:
    # numpy warns, in several lines, in each interpreter that is not the main one.
    httpd.allow("NumPy was imported from", "Improvements in the case of bugs are welcome", "import numpy as np")
    assert ask(httpd, "/numbers", "a.example") == {"interpreter": "a.example", "sum": 45}
    for site in ("b.example", "c.example"):
        answer = httpd.request("GET", "/numbers", headers={"Host": site}, port=httpd.port_of("SITES_PORT"))
        assert answer.status == 500
        httpd.expect(
            r"ImportError: .*mod_python: interpreter 'a\.example' has numpy\S*, which may load into one interpreter of "
            rf"a process only; this one is '{site}': .*, by PythonInterpreter a\.example here, or by PythonInterpreter "
            "main_interpreter for both"
        )
    # As the line says.
    assert ask(httpd, "/numbers", "joined.example") == {"interpreter": "a.example", "sum": 45}
    assert ask(httpd, "/shared", "b.example")["interpreter"] == "b.example"


def test_each_has_its_own_of_sys_and_one_main_thread(httpd: Httpd) -> None:
    first = [ask(httpd, "/own", site) for site in SITES]
    second = [ask(httpd, "/own", site) for site in SITES]
    mains = {found["main_thread"] for found in first + second}
    assert len(mains) == 1
    for site, before, after in zip(SITES, first, second, strict=True):
        is_main = httpd.mpm == "prefork"
        common = {"interpreter": site, "main_thread": before["main_thread"]}
        common |= {"is_main": is_main, "printed": "printed for myself\n"}
        assert before == common | {
            "argv": ["mod_python"],
            "marked path": False,
            "marked modules": False,
            "calls": 0,
            "stdout": "LogStream",
        }
        assert after == common | {
            "argv": ["mod_python", site],
            "marked path": True,
            "marked modules": True,
            "calls": 1,
            "stdout": "Output",
        }
    ask(httpd, "/prints", "joined.example")  # into the stream of a.example
    assert "printed by" not in httpd.log()
    assert httpd.get("/prints").status == 200
    httpd.wait_for_log("printed by localhost")
