"""conf-examples/fastapi.conf and starlette.conf, with the packages of the tests."""

import subprocess

import pytest
from packages import SITE_PACKAGES

from demo import EXAMPLES, tries
from httpd import is_bad
from server import Server


@pytest.mark.parametrize("name", ["fastapi", "starlette"])
def test_example(name: str) -> None:
    conf = (EXAMPLES / f"{name}.conf").read_text()
    path = "PythonPath \"sys.path + ['${ROOT}/handlers']\""
    assert path in conf
    conf = conf.replace(path, f"""PythonPath "['{SITE_PACKAGES}', '${{ROOT}}/handlers'] + sys.path" """)
    with Server(conf) as server:
        for attempt in tries(conf):
            command = server.expand(attempt.command)
            done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, text=True, check=False)
            for answer in attempt.answers:
                wanted = server.expand(answer)
                assert wanted in done.stdout, f"$ {command}\n{done.stdout[:2000]}{done.stderr}\n{server.error_text()}"
        assert not [line for line in server.error_text().splitlines() if is_bad(line)]
