"""The commands of docs/installation.md install what httpd needs."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from httpd import Httpd
from server import PROJECT
from tests.house.test_docs import blocks

PAGE = PROJECT / "docs/installation.md"
WHERE = """
import mod_python
def handler(req):
    req.write(mod_python.__file__)
    return 0
"""


def test_installation() -> None:
    # Not into this machine: into a folder, by the lines that put something somewhere.
    lines = next(block for block in blocks(PAGE, "sh") if "LIBEXECDIR" in block).splitlines()
    putting = [line.replace("sudo ", "") for line in lines if re.match(r"(sudo (install|rm|cp|chmod)|echo) ", line)]
    assert len(putting) == 6
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
