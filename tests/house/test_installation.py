"""The commands of docs/installation.md install what httpd needs."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from httpd import Httpd
from pages import installation
from server import PROJECT

WHERE = """
import mod_python
def handler(req):
    req.write(mod_python.__file__)
    return 0
"""


# Commands of the page, by the packages of Debian that have them.
PACKAGES = {
    "apache2": ["a2enmod", "apache2ctl"],
    "apache2-dev": ["apxs2"],
}
EVERYWHERE = {"sudo", "install", "rm", "cp", "chmod", "echo", "tee", "service"}  # on each Debian that has sudo


def test_what_the_page_calls_is_installed_before() -> None:
    lines = installation().splitlines()
    assert lines[0].startswith("scripts/setup --service")
    called = set(re.findall(r"(?:^|sudo |\| |\$\()(?:sudo )?([a-z]\w+)(?= )", "\n".join(lines[1:]), re.MULTILINE))
    assert called <= {*EVERYWHERE, *(name for names in PACKAGES.values() for name in names)}
    setup = (PROJECT / "scripts/setup").read_text()
    for package, names in PACKAGES.items():
        assert not called.isdisjoint(names), f"nothing calls what is in {package}"
        assert re.search(rf"^[^#]*[( ]{package}\b(?!-)", setup, re.MULTILINE), f"scripts/setup installs no {package}"


def test_no_variable_of_the_page_changes_the_build() -> None:
    # Set in one shell and not in the next one, it would build everything anew.
    assert "export" not in installation()
    seen = re.search(r"^ +for variable in \[(.*)\]", (PROJECT / "build.rs").read_text(), re.MULTILINE)
    assert seen is not None
    assert seen[1] == '"APXS", "PYO3_PYTHON"'


def test_the_script_for_a_bare_machine_runs_the_page() -> None:
    script = subprocess.run(
        ["/usr/bin/python3", "-B", PROJECT / "scripts/bare.py"], capture_output=True, text=True, check=True
    ).stdout
    assert installation() in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_installation() -> None:
    # Not into this machine: into a folder, by the lines that put something somewhere.
    lines = installation().splitlines()
    putting = [
        line.replace("sudo ", "")
        for line in lines
        if re.match(r"(sudo (install|rm|cp|chmod|/usr/bin/python3)|echo) ", line)
    ]
    assert len(putting) == 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        targets = ["$(apxs2 -q LIBEXECDIR)", "/usr/lib/python3/dist-packages", "/etc/apache2/mods-available"]
        script = "\n".join(["umask 077", *putting])
        for target in targets:
            script = script.replace(target, name)
        subprocess.run(["bash", "-ec", script], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        conf = f"""
            Include "{folder}/python.load"
            PythonPath "sys.path + ['{folder}']"
            SetHandler mod_python
            PythonHandler where
        """
        (folder / "where.py").write_text(WHERE)
        test = "from mod_python import testing; print(testing.run(lambda filter: filter.pass_on(), b'yes').body)"
        env = {**os.environ, "PYTHONPATH": name, "MOD_PYTHON_SO": f"{name}/mod_python.so"}
        done = subprocess.run(["/usr/bin/python3", "-c", test], env=env, capture_output=True, text=True, check=True)
        assert done.stdout == "b'yes'\n"
        with Httpd(conf, with_python=False, env={"PYTHONPATH": name}) as server:
            assert server.get("/").text == f"{folder}/mod_python/__init__.py"
