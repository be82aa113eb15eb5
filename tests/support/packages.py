"""The packages of tests/requirements.txt for handlers."""

from httpd import Httpd
from server import PROJECT

# Where they are installed.
SITE_PACKAGES = next((PROJECT / "target/venv/lib").glob("python3*/site-packages"))


class WithPackages(Httpd):
    """A server whose handlers have these packages."""

    def _python_path(self) -> list[str]:
        # Before the packages of the system, which may have other versions of the same.
        return [f"""PythonPath "['{SITE_PACKAGES}', '{self.handlers}'] + sys.path" """]
