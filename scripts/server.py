"""The project's own httpd: what the demo serves with and the tests boot.

Only the standard library, because the demo runs without the tests' venv.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# First: Debian's package of mod_python 3.5 has one of the same name in dist-packages.
sys.path.insert(0, str(PROJECT / "python"))

from mod_python import _places, temporary_server  # noqa: E402
from mod_python._command.ending import stop_on_signals  # noqa: E402
from mod_python._machine import free_ports, processes, why_not  # noqa: E402
from mod_python.temporary_server import ServerError  # noqa: E402

APACHE = str(_places.httpd())
MODULE = PROJECT / "target/release/libmod_python.so"
MANUAL = Path("/usr/share/doc/apache2-doc/manual")


class Server(temporary_server.Server):
    """An httpd with ${ROOT} (conf-examples, or a copy), ${MANUAL}, and ${VENV}, the environment of the tests."""

    def _fill_folder(self, with_python: bool) -> None:
        super()._fill_folder(with_python)
        self._show(PROJECT / "conf-examples", "conf-examples")

    def _more_variables(self) -> dict[str, str]:
        root, venv = self.folder / "conf-examples", PROJECT / "target/venv"
        return {"ROOT": str(root), "MANUAL": str(MANUAL), "VENV": str(venv)}


__all__ = [
    "APACHE",
    "MANUAL",
    "MODULE",
    "PROJECT",
    "Server",
    "ServerError",
    "free_ports",
    "processes",
    "stop_on_signals",
    "why_not",
]
