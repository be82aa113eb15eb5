"""Debian's mod_python 3.5 beside this one by mistake: the log says which of the two runs."""

import shutil
import subprocess

import neighbours
from httpd import Httpd
from server import PROJECT

neighbours.need(neighbours.OLD_MODULE, "libapache2-mod-python")
CONF = """
<Location "/">
    SetHandler mod_python
    PythonHandler hello
</Location>
"""


def test_the_old_module_that_finds_our_package_is_named() -> None:
    httpd = Httpd(CONF)
    shutil.copy(neighbours.OLD_MODULE, httpd.folder / "mod_python.so")
    httpd.allow(".*")
    with httpd:
        assert httpd.get("/").status == 500
        text = httpd.log()
    assert "belongs to mod_python 4, but httpd has loaded the module of an older mod_python" in text


def test_our_module_that_finds_the_old_package_names_it() -> None:
    httpd = Httpd(CONF)
    old = PROJECT / "target/mod_python-3.5/usr/lib/python3/dist-packages/mod_python"
    (httpd.folder / "python/mod_python").unlink()
    shutil.copytree(old, httpd.folder / "python/mod_python")
    subprocess.run(["chmod", "-R", "a+rX", httpd.folder / "python"], check=True)
    httpd.allow(".*")
    with httpd:
        assert httpd.get("/").status == 500
        text = httpd.log()
    assert f"the package {httpd.folder}/python/mod_python/__init__.py is not that of mod_python 4" in text
    assert "libapache2-mod-python" in text


def test_httpd_skips_the_second_of_both() -> None:
    """What was loaded first runs, and the package of ours is the right one for our module."""
    httpd = Httpd(f'LoadModule python_module "{neighbours.OLD_MODULE}"' + CONF)
    httpd.handler("hello.py", "def handler(req): req.write('new\\n'); return 0")
    httpd.allow("AH01574: module python_module is already loaded, skipping")
    with httpd:
        assert httpd.get("/").text == "new\n"
