"""What can be named as a handler, and modules that serve several phases."""

import re

import pytest

from httpd import Httpd

NO_FUNCTIONS = (
    r"python:warn.*PythonHandlerModule handler_module_empty \(.*\) does nothing: .* has none of the "
    "functions that are looked for, which are postreadrequesthandler, .*, accesshandler, .*, cleanuphandler"
)
CONF = """
SetHandler mod_python
<Location /callable>
    PythonHandler handler_module::Callable
</Location>
<Location /derived>
    PythonHandler handler_module::Derived
</Location>
<Location /plain>
    PythonHandler handler_module::Plain
</Location>
<Location /nested>
    PythonHandler handler_module::Outer.Inner.show
</Location>
<Location /quoted>
    PythonHandler "handler_module" 'handler_module::handler'
</Location>
<Location /file>
    PythonHandler ${HANDLERS}/handler_module.py
</Location>
<Location /file-function>
    PythonHandler "${STATE}/with a space/in_space::tell"
</Location>
<Directory ${HTDOCS}/dir>
    PythonHandler ~/lib/at_tilde ./at_dot.py
    AllowOverride All
</Directory>
<Location /module>
    PythonHandlerModule handler_module
</Location>
<Location /empty>
    PythonHandlerModule handler_module_empty
</Location>
<Location /modules>
    PythonHandlerModule handler_module_empty handler_module
</Location>
<Location /one-replaced>
    PythonHandlerModule handler_module
    PythonHandler any_phase::tell
</Location>
<Location /one-replaced/inside>
    PythonHandler any_phase::tell
    PythonFixupHandler handler_module_empty::nothing
</Location>
<Location /module-missing>
    PythonHandlerModule no_such_module
</Location>
<Directory ${HTDOCS}/ext>
    PythonHandlerModule handler_module|.mod
    PythonHandler any_phase::tell
</Directory>
Listen 127.0.0.1:${MODULE_PORT}
<VirtualHost *:${MODULE_PORT}>
    DocumentRoot ${HTDOCS}
    PythonHandlerModule handler_module
</VirtualHost>
"""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/callable", "called, True"),
        ("/derived", "called, True"),
        ("/nested", "inner, True"),
        ("/quoted", "[][]"),
        ("/file", "[]"),
    ],
)
def test_w18_w19_w20_what_can_be_named(httpd: Httpd, path: str, text: str) -> None:
    assert httpd.get(path).text == text


def test_w20_a_class_whose_objects_cannot_be_called_is_told(httpd: Httpd) -> None:
    httpd.expect("TypeError: 'Plain' is a class whose objects cannot be called: name one of its methods, as in Plain")
    assert httpd.get("/plain").status == 500


def test_w18_w19_a_path_with_a_space(httpd: Httpd) -> None:
    folder = httpd.state / "with a space"
    folder.mkdir(mode=0o755)
    (folder / "in_space.py").write_text("def tell(req):\n    req.write(__file__)\n    return 0\n")
    assert httpd.get("/file-function").text == f"{folder}/in_space.py"


def test_w19_paths_for_the_directory_of_the_section(httpd: Httpd) -> None:
    source = "import dataclasses\n@dataclasses.dataclass\nclass Data:\n    x: 'int'\n"
    source += "def handler(req):\n    req.write(f'{Data(1)} {__file__[-11:]} ')\n    return 0\n"
    httpd.write("dir/lib/at_tilde.py", source)
    httpd.write("dir/at_dot.py", source)
    httpd.write("dir/deep/.htaccess", "PythonHandler ./by_htaccess\n")
    httpd.write("dir/deep/by_htaccess.py", source)
    assert httpd.get("/dir/x").text == "Data(x=1) at_tilde.py Data(x=1) r/at_dot.py "
    assert httpd.get("/dir/deep/x").text == "Data(x=1) htaccess.py "


def test_w22_missing_functions_of_a_module_are_passed_over(httpd: Httpd) -> None:
    ran = "['PythonHeaderParserHandler handler_module 1', 'PythonFixupHandler']"
    assert httpd.get("/module").text == ran
    # On the whole server it serves the phases before sections are known, too.
    assert httpd.request("GET", "/x", port=httpd.port_of("MODULE_PORT")).text == ran


def test_w22_b8_without_any_function_the_result_is_declined(httpd: Httpd) -> None:
    httpd.write("empty", "the file")
    httpd.expect(NO_FUNCTIONS)
    for _ in range(3):
        assert httpd.get("/empty").text == "the file"
    if httpd.mpm == "event":
        assert len(re.findall(NO_FUNCTIONS, httpd.log())) == 1


def test_w23_each_module_of_a_list_may_lack_functions(httpd: Httpd) -> None:
    httpd.allow(NO_FUNCTIONS)
    assert httpd.get("/modules").text == "['PythonHeaderParserHandler handler_module 1', 'PythonFixupHandler']"


def test_b26_an_inner_list_replaces_that_of_its_phase(httpd: Httpd) -> None:
    # In one section, the directives of a phase are one list.
    ran = "'PythonHeaderParserHandler handler_module 1', 'PythonFixupHandler'"
    json = ran.replace("'", '"')
    assert httpd.get("/one-replaced").text == f"[{ran}][{json}]"
    httpd.expect("module '.*handler_module_empty.py' contains no 'nothing'")
    assert httpd.get("/one-replaced/inside").status == 500


def test_a_module_that_is_not_there_is_an_error(httpd: Httpd) -> None:
    # The last two come after the answer.
    httpd.expect(*(f"Python{one}Handler no_such_module .*ModuleNotFoundError" for one in ("Trans", "Log", "Cleanup")))
    httpd.allow("no_such_module")
    assert httpd.get("/module-missing").status == 500


def test_extensions_choose_modules_and_lists(httpd: Httpd) -> None:
    httpd.write("ext/x.mod", "")
    httpd.write("ext/x.txt", "")
    assert httpd.get("/ext/x.mod").text == "['PythonHeaderParserHandler handler_module 1', 'PythonFixupHandler']"
    assert httpd.get("/ext/x.txt").text == "[]"
