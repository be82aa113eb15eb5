"""PythonHome: whose packages an interpreter has, and which homes are refused."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from python_homes import install, make_environment, make_prefix

import neighbours
from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
SetHandler mod_python
PythonHandler home_facts
PythonInterpreter main_interpreter
PythonHome ${STATE}/main
PythonImport who shop
<Location /named>
    PythonInterpreter named
</Location>
<Location /shop>
    PythonInterpreter shop
    PythonHome "${STATE}/shop"
</Location>
<Location /system>
    PythonInterpreter system
    PythonHome ${STATE}/system
</Location>
<Location /mixed>
    PythonInterpreter shop
</Location>
PythonImport who vendor.example
Listen 127.0.0.1:${HOST_PORT}
<VirtualHost *:${HOST_PORT}>
    ServerName vendor.example
    PythonInterpreter %{SERVER}
    PythonHome ${STATE}/vendor
    PythonImport who
</VirtualHost>
"""
WHO = "import sys\nNAME = '{0}'\nprint('{0} for', sys.prefix)\n"


class WithHomes(Httpd):
    """A server with four environments in ${STATE}."""

    def _fill_folder(self, with_python: bool) -> None:
        super()._fill_folder(with_python)
        for name in ("main", "shop", "vendor"):
            folder = make_environment(self.state / name)
            install(folder, "who", WHO.format(name), with_finder=name == "shop")
        make_environment(self.state / "system", "--system-site-packages")


SERVER = WithHomes


def facts(httpd: Httpd, path: str) -> dict[str, Any]:
    """What the interpreter of a path says."""
    return dict(json.loads(httpd.get(path).text))


def has_system(path: list[str]) -> bool:
    """Whether the system's packages are on a path."""
    return any(folder.startswith("/usr") and folder.endswith("-packages") for folder in path)


@pytest.mark.parametrize("path", ["/", "/named"])
def test_the_servers_home_holds_in_main_and_named_interpreters(httpd: Httpd, path: str) -> None:
    found = facts(httpd, path)
    home = f"{httpd.state}/main"
    assert (found["who"], found["prefix"], found["executable"]) == ("main", home, f"{home}/bin/python")
    assert found["base"] == "/usr"
    assert any(folder.startswith(f"{home}/lib/") for folder in found["path"])
    assert not has_system(found["path"])
    assert not any("editable" in finder for finder in found["finders"])
    assert "no_site=0" in found["flags"]


def test_an_interpreter_has_a_home_of_its_own(httpd: Httpd) -> None:
    found = facts(httpd, "/shop")
    assert (found["who"], found["prefix"]) == ("shop", f"{httpd.state}/shop")
    assert not any(folder.startswith(f"{httpd.state}/main") for folder in found["path"])
    assert not has_system(found["path"])
    assert any("editable" in finder for finder in found["finders"])


def test_the_systems_packages_are_there_where_the_environment_says_so(httpd: Httpd) -> None:
    found = facts(httpd, "/system")
    assert (found["who"], found["prefix"]) == (None, f"{httpd.state}/system")
    assert has_system(found["path"])


def test_a_virtual_host_has_a_home_for_the_interpreter_of_its_name(httpd: Httpd) -> None:
    answer = httpd.request("GET", "/", port=httpd.port_of("HOST_PORT"))
    found = json.loads(answer.text)
    assert (found["who"], found["prefix"]) == ("vendor", f"{httpd.state}/vendor")
    # The main server's line for this interpreter, which comes first, knows the home of the virtual host.
    assert f"vendor for {httpd.state}/vendor" in httpd.error_text()


def test_an_import_at_the_start_finds_the_home_of_the_interpreter(httpd: Httpd) -> None:
    assert f"shop for {httpd.state}/shop" in httpd.error_text()


def test_two_homes_for_one_interpreter_are_answered_with_500(httpd: Httpd) -> None:
    httpd.expect(
        rf"interpreter 'shop' has PythonHome {httpd.state}/shop at \S+:12, and what asks for it has PythonHome "
        rf"{httpd.state}/main at \S+:5: write the same PythonHome in both places, or a PythonInterpreter of its own"
    )
    assert httpd.get("/mixed").status == 500
    assert facts(httpd, "/shop")["who"] == "shop"


def test_a_restart_takes_another_home(httpd: Httpd) -> None:
    before = facts(httpd, "/")
    fragment = httpd.folder / "fragment.conf"
    written = fragment.read_text()
    fragment.write_text(written.replace("${STATE}/main", "${STATE}/system"))
    httpd.graceful()
    try:
        while (found := facts(httpd, "/"))["prefix"] == before["prefix"]:
            pass  # a child of the old generation
        assert (found["prefix"], found["who"]) == (f"{httpd.state}/system", None)
    finally:
        fragment.write_text(written)
        httpd.graceful()


def test_a_python_that_another_module_has_started_has_no_home() -> None:
    wsgi = neighbours.load("wsgi")
    conf = "WSGIDestroyInterpreter Off\nWSGIScriptAlias /wsgi ${HANDLERS}/x.wsgi\n"
    conf += f"{PLAIN}PythonHome ${{HTDOCS}}/venv\n<Location /named>\nPythonInterpreter named\n</Location>\n"
    server = Httpd(f"{wsgi}{conf}", beside=__file__)
    make_environment(server.htdocs / "venv")
    with server as httpd:
        for path, name in {"/": "main_interpreter", "/named": "named"}.items():
            found = httpd.get(path)
            if found.status == 200:  # This module was first.
                assert json.loads(found.text)["prefix"] == f"{httpd.htdocs}/venv"
            else:
                httpd.expect(f"interpreter '{name}' cannot have PythonHome {httpd.htdocs}/venv at .*: leave it out")


PLAIN = "SetHandler mod_python\nPythonHandler home_facts\nPythonInterpreter main_interpreter\n"
SHELLS = [
    {"PYTHONHOME": "/no/such", "PATH": "/no/such", "LANG": "C", "LC_ALL": "C"},
    {"LC_ALL": "POSIX", "LANG": "de_DE.ISO-8859-1", "PATH": "/bin", "VIRTUAL_ENV": "/no/such"},
    {"LC_CTYPE": "en_US.ISO-8859-1", "LANG": "C.UTF-8", "PYTHONHOME": "/usr/local", "PYTHONUTF8": "0"},
]


@pytest.mark.parametrize("conf", [PLAIN, f"{PLAIN}PythonHome ${{HTDOCS}}/venv\n"], ids=["without", "with home"])
def test_the_shell_that_starts_httpd_changes_nothing(conf: str) -> None:
    seen = []
    for shell in SHELLS:
        server = Httpd(conf, beside=__file__, env={**shell, "PATH": f"{shell.get('PATH', '')}:/usr/bin:/usr/sbin"})
        make_environment(server.htdocs / "venv")
        with server as httpd:
            text = json.dumps(facts(httpd, "/"))
            seen.append(text.replace(str(httpd.folder), ""))
    assert seen[0] == seen[1] == seen[2]
    found = json.loads(seen[0])
    assert found["texts"] == ["utf-8", "utf-8", "C.UTF-8"]
    assert found["month"] == "März 1970"
    assert found["shell"] is None


def test_a_prefix_lends_the_package_to_an_environment_without_it() -> None:
    conf = (
        f"{PLAIN}PythonHome ${{STATE}}/prefix\n<Location /bare>\nPythonInterpreter bare\nPythonHome ${{STATE}}/bare\n"
    )
    server = Httpd(f"{conf}</Location>\n", beside=__file__, env={"PYTHONPATH": ""})
    packages = make_prefix(server.state / "prefix")
    shutil.copytree(server.folder / "python/mod_python", packages / "mod_python")
    (packages / "who.py").write_text("NAME = 'prefix'\n")
    make_environment(server.state / "bare")
    with server as httpd:
        main, bare = facts(httpd, "/"), facts(httpd, "/bare")
        package = f"{packages}/mod_python/__init__.py"
        assert (main["prefix"], main["who"], main["package"]) == (f"{httpd.state}/prefix", "prefix", package)
        # The environment has the package, and no other of the prefix.
        assert (bare["prefix"], bare["who"], bare["package"]) == (f"{httpd.state}/bare", None, package)
        assert bare["base"] == f"{httpd.state}/prefix"


# ---- what is refused


@pytest.fixture
def wrong() -> Iterator[Httpd]:
    """A server that is not started, whose fragment a test writes."""
    server = Httpd("", beside=__file__)
    yield server
    server.stop()


def refused(server: Httpd, conf: str) -> str:
    """What configtest says about a fragment, which it must refuse."""
    (server.folder / "fragment.conf").write_text(conf)
    done = server.configtest()
    assert done.returncode != 0
    return done.stderr


def test_a_relative_path_is_refused(wrong: Httpd) -> None:
    said = refused(wrong, "\nPythonHome venv\n")
    assert "AH00526: Syntax error on line 2 of" in said
    assert "PythonHome: takes the absolute path of a virtual environment or of a prefix, not 'venv': write" in said


def test_what_is_not_there_is_refused(wrong: Httpd) -> None:
    said = refused(wrong, "PythonHome ${STATE}/none\n")
    place = re.escape(f"PythonHome {wrong.state}/none at {wrong.folder}/fragment.conf:1")
    assert re.search(rf"{place}: there is no such folder: make one with \S+ -m venv {wrong.state}/none", said)


def test_the_program_of_an_environment_is_refused(wrong: Httpd) -> None:
    make_environment(wrong.state / "venv")
    said = refused(wrong, "PythonHome ${STATE}/venv/bin/python\n")
    assert f"fragment.conf:1: this is a file of an environment: write PythonHome {wrong.state}/venv\n" in f"{said}\n"


def test_neither_environment_nor_prefix_is_refused(wrong: Httpd) -> None:
    said = refused(wrong, "<Location /x>\nPythonHome ${HTDOCS}\n</Location>\n")
    assert "fragment.conf:2: this is neither a virtual environment (it has no pyvenv.cfg) nor the prefix of" in said


def test_an_environment_of_another_version_is_refused(wrong: Httpd) -> None:
    home = make_environment(wrong.state / "venv")
    settings = home / "pyvenv.cfg"
    settings.write_text(re.sub(r"(?m)^version = .*$", "version_info = 3.8.1.final.0", settings.read_text()))
    said = refused(wrong, "PythonHome ${STATE}/venv\n")
    assert "fragment.conf:1: this is an environment of Python 3.8.1.final.0, and mod_python was built with 3." in said
    settings.write_text("home = /usr/bin\n")
    library = next((home / "lib").iterdir())
    library.rename(library.with_name("python3.8"))
    assert "this environment has no folder lib/python3." in refused(wrong, "PythonHome ${STATE}/venv\n")


def test_what_the_children_cannot_read_is_refused(wrong: Httpd) -> None:
    if os.geteuid() != 0:
        pytest.skip("httpd's children are this user, who can read all of its files")
    home = make_environment(wrong.htdocs / "closed/venv")
    home.parent.chmod(0o700)
    conf = "PythonHome ${HTDOCS}/closed/venv\n"
    said = refused(wrong, conf)
    assert f"{home}/pyvenv.cfg cannot be read by www-data, the user of httpd's children: let that user read" in said
    # A group of the user's, or an access control list, will do.
    shutil.chown(home.parent, group="www-data")
    home.parent.chmod(0o750)
    (wrong.folder / "fragment.conf").write_text(conf)
    assert wrong.configtest().returncode == 0


def test_a_second_prefix_is_refused(wrong: Httpd) -> None:
    make_prefix(wrong.state / "prefix")
    make_environment(wrong.state / "venv")
    conf = "PythonHome ${STATE}/venv\n<VirtualHost *:9>\nPythonHome ${STATE}/prefix\n</VirtualHost>\n"
    said = refused(wrong, conf)
    assert "fragment.conf:3: this is a prefix, and a process has the standard library of one, which is /usr: " in said
    # It holds for the process outside of virtual hosts, and there may name the one that is there anyway.
    (wrong.folder / "fragment.conf").write_text("PythonHome ${STATE}/prefix\n")
    assert wrong.configtest().returncode == 0


def test_two_homes_beside_one_name_are_refused(wrong: Httpd) -> None:
    for name in ("one", "two"):
        make_environment(wrong.state / name)
    section = "<Location /{0}>\nPythonInterpreter shop\nPythonHome ${{STATE}}/{0}\n</Location>\n"
    said = refused(wrong, section.format("one") + section.format("two"))
    assert re.search(
        r"PythonHome \S+/two at \S+:7: the interpreter shop has another home, PythonHome \S+/one at \S+:3: write a "
        r"PythonInterpreter of its own beside this one",
        said,
    )
    host = "<VirtualHost *:9>\nPythonInterpreter main_interpreter\nPythonHome ${STATE}/one\n</VirtualHost>\n"
    assert "the interpreter main_interpreter has another home, that of the main server" in refused(wrong, host)
