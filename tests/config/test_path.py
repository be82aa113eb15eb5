"""Where modules are looked for: PythonPath, the section's directory, and several sections at once."""

import threading
import time

import pytest

from httpd import Httpd, WithoutPath

CONF = """
SetHandler mod_python

<Location /one>
    PythonPath "['${HANDLERS}/one'] + sys.path"
    PythonHandler one_page
</Location>
<Location /two>
    PythonPath "['${HANDLERS}/two'] + sys.path"
    PythonHandler two_page
</Location>
<Location /appended>
    PythonPath "sys.path + ['${HANDLERS}/three']"
    PythonHandler three_page
</Location>
<Location /names>
    PythonPath "[os.path.join(r'${HANDLERS}', 'four', str(sys.version_info[0]))] + (sys.path if time.time() else [])"
    PythonHandler four_page
</Location>
<Directory ${HTDOCS}/house>
    PythonHandler at_home
</Directory>
"""
# Imports the rest of itself while other sections set their own path, and again when it is called.
SLOW = """
import time

time.sleep(0.2)
import rest_of_@

def handler(req):
    import late_@
    req.write("@", 0)
    return late_@.OK
"""


@pytest.fixture(autouse=True)
def _modules(httpd: Httpd) -> None:
    for name in ("one", "two"):
        httpd.handler(f"{name}/{name}_page.py", SLOW.replace("@", name))
        httpd.handler(f"{name}/rest_of_{name}.py", "")
        httpd.handler(f"{name}/late_{name}.py", "OK = 0\n")


def test_sections_import_at_the_same_time(httpd: Httpd) -> None:
    # Without a virtual host or a section of its own, all this is in the main interpreter.
    answers: dict[str, str] = {}

    def ask(name: str) -> None:
        answers[name] = httpd.get(f"/{name}").text

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert answers == {"one": "one", "two": "two"}


def test_expressions_see_sys_os_and_time(httpd: Httpd) -> None:
    httpd.handler("four/3/four_page.py", "def handler(req):\n    req.write('four')\n    return 0\n")
    assert httpd.get("/names").text == "four"


def test_handlers_may_add_to_sys_path(httpd: Httpd) -> None:
    source = "import sys\nsys.path.append('/added')\ndef handler(req):\n    req.write(repr(sys.path))\n    return 0\n"
    httpd.handler("three/three_page.py", source)
    assert "'/added'" in httpd.get("/appended").text
    httpd.get("/one")
    httpd.get("/names")
    assert "'/added'" in httpd.get("/appended").text


def test_python_path_takes_the_place_of_directories(httpd: Httpd) -> None:
    httpd.write("house/at_home.py", "def handler(req):\n    req.write('at home')\n    return 0\n")
    # PythonPath of the server holds, so the directory is not asked.
    httpd.expect("No module named 'at_home'")
    httpd.allow("PythonHandler at_home")
    assert httpd.get("/house/x").status == 500


def test_the_directory_of_the_section_is_searched() -> None:
    conf = """
    SetHandler mod_python
    <Directory ${HTDOCS}/house>
        PythonHandler at_home
    </Directory>
    <Directory ${HTDOCS}/hut>
        AllowOverride All
    </Directory>
    """
    source = "def handler(req):\n    req.write(__file__)\n    return 0\n"
    with WithoutPath(conf, beside=__file__) as httpd:
        file = httpd.write("house/at_home.py", source)
        httpd.write("hut/.htaccess", "PythonHandler hut_page\n")
        hut = httpd.write("hut/hut_page.py", source)
        assert httpd.get("/house/x").text == str(file)
        assert httpd.get("/hut/deep/x").text == str(hut)


ADDS = """
def handler(req):
    req.add_handler("PythonHandler", "beside")
    req.add_handler("PythonHandler", "inside", req.get_options()["directory"] + "/x/..")
    req.add_handler("PythonHandler", last)
    return 0

def last(req):
    req.write(f"{req.hlist.directory}")
    return 0
"""


def test_w15_an_added_handler_is_looked_for_beside_the_one_that_added_it() -> None:
    conf = """
    SetHandler mod_python
    <Directory ${HTDOCS}/inherit>
        PythonHandler adds
        PythonOption directory ${HTDOCS}/elsewhere
    </Directory>
    <Directory ${HTDOCS}/wild*>
        PythonHandler wild
    </Directory>
    <DirectoryMatch "/re(g|x)ular/">
        PythonHandler regular
    </DirectoryMatch>
    """
    source = "def handler(req):\n    name = __name__.rpartition('.')[2]\n"
    source += "    req.write(f'{name} {req.hlist.directory} ')\n    return 0\n"
    with WithoutPath(conf, beside=__file__) as httpd:
        httpd.write("inherit/adds.py", ADDS)
        httpd.write("inherit/beside.py", source)
        httpd.write("elsewhere/inside.py", source)
        here, there = f"{httpd.htdocs}/inherit/", f"{httpd.htdocs}/elsewhere/"
        assert httpd.get("/inherit/x").text == f"beside {here} inside {there} {here}"
        # The directory that a pattern means is found for each request.
        for name in ("wild1/sub", "regular"):
            module = name.split("/")[0].rstrip("1")
            httpd.write(f"{name}/x", "")
            file = httpd.write(f"{name.split('/')[0]}/{module}.py", source)
            assert httpd.get(f"/{name}/x").text == f"{module} {file.parent}/ "
