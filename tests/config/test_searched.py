"""A module that is not found: the log says where it was looked for, and which folders could not be read."""

import os
import re

import pytest

from httpd import Httpd, WithoutPath

CONF = """
SetHandler mod_python
<Location /on-path>
    PythonPath "['${HANDLERS}/open', '${HANDLERS}/nowhere'] + sys.path"
    PythonHandler searched_nowhere
</Location>
<Location /closed>
    PythonPath "['${STATE}/closed', '${STATE}/closed/inside'] + sys.path"
    PythonHandler searched_nowhere_too
</Location>
<Directory ${HTDOCS}/home>
    PythonHandler searched_at_home
</Directory>
<Directory ${HTDOCS}/beside>
    PythonPath "sys.path + ['${HANDLERS}']"
    PythonHandler searched_beside
</Directory>
<Location /importing>
    PythonPath "sys.path + ['${HANDLERS}']"
    PythonHandler searched_importing
</Location>
<Location /file>
    PythonPath "sys.path + ['${HANDLERS}']"
    PythonHandler searched_file.py
</Location>
<Location /part>
    PythonPath "sys.path + ['${HANDLERS}']"
    PythonHandler searched_part.missing
</Location>
<Location /package>
    PythonPath "['${STATE}/packages'] + sys.path"
    PythonHandler searched_package
</Location>
"""
SERVER = WithoutPath


NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="httpd's children are this user, who can read all of its files"
)


def note_of(httpd: Httpd, path: str, module: str) -> str:
    """The note of the entry that a request leaves in the log."""
    httpd.expect(f"PythonHandler .*ModuleNotFoundError: No module named '{module}'")
    before = len(httpd.error_text())
    assert httpd.get(path).status == 500
    found = re.search(r"looked for in: (.*)", httpd.error_text()[before:])
    assert found, httpd.error_text()[before:]
    return found[1]


def test_the_folders_of_python_path_are_named(httpd: Httpd) -> None:
    httpd.handler("open/other.py", "")
    note = note_of(httpd, "/on-path", "searched_nowhere")
    assert note.startswith(f"{httpd.handlers}/open, {httpd.handlers}/nowhere (which is not there), ")
    assert f"{httpd.folder}/python, " in note
    assert ".zip" not in note


def test_a_file_in_place_of_a_module_is_told_of(httpd: Httpd) -> None:
    httpd.handler("searched_file.py", "def handler(req):\n    return 0\n")
    httpd.expect(
        r"No module named 'searched_file.py'.*\\nthe name of a module does not end with .py: write searched_file,"
    )
    assert httpd.get("/file").status == 500


def test_the_folder_of_the_section_is_named(httpd: Httpd) -> None:
    httpd.write("home/page.txt", "")
    note = note_of(httpd, "/home/page.txt", "searched_at_home")
    assert note.startswith(f"{httpd.htdocs}/home, ")


def test_the_folder_of_the_section_is_named_where_a_path_holds(httpd: Httpd) -> None:
    httpd.write("beside/page.txt", "")
    assert f"{httpd.htdocs}/beside" not in note_of(httpd, "/beside/page.txt", "searched_beside")
    httpd.write("beside/searched_beside.py", "def handler(req):\n    return 0\n")
    assert rf"\n{httpd.htdocs}/beside, the folder of the section, has it, and is not searched" in note_of(
        httpd, "/beside/page.txt", "searched_beside"
    )


def test_an_import_in_a_function_says_it_too(httpd: Httpd) -> None:
    httpd.handler("searched_importing.py", "def handler(req):\n    import searched_later\n")
    assert f"{httpd.handlers}" in note_of(httpd, "/importing", "searched_later").split(", ")


def test_a_part_of_a_package_is_looked_for_in_the_package(httpd: Httpd) -> None:
    httpd.handler("searched_part/__init__.py", "")
    assert note_of(httpd, "/part", "searched_part.missing") == f"{httpd.handlers}/searched_part"


@NEEDS_ROOT
def test_folders_that_cannot_be_read_are_named(httpd: Httpd) -> None:
    closed = httpd.state / "closed"
    (closed / "inside").mkdir(parents=True)
    (closed / "inside/searched_nowhere_too.py").touch()
    closed.chmod(0o700)
    note = note_of(httpd, "/closed", "searched_nowhere_too")
    assert f"{closed} (which user www-data cannot read), " in note
    assert f"{closed}/inside (which user www-data cannot read, because {closed} is closed to it), " in note


@NEEDS_ROOT
def test_a_package_that_cannot_be_read_is_no_folder_without_code(httpd: Httpd) -> None:
    package = httpd.state / "packages/searched_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    package.chmod(0o700)
    httpd.expect(f"ModuleNotFoundError: 'searched_package' is in {package}, which user www-data cannot read")
    assert httpd.get("/package").status == 500
