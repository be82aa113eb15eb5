"""What PythonOption says of sessions, by the names of mod_python 3.5 and by older ones."""

import functools
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mod_python._sessions.folder import private_folder

if TYPE_CHECKING:
    from mod_python import _apache

T = TypeVar("T")

_TRUTHS = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}

# The names that options had in mod_python 3.2 and earlier.
_OLD_NAMES = {
    "session.session_type": "session",
    "session.cookie_name": "session_cookie_name",
    "session.application_path": "ApplicationPath",
    "session.database_directory": "session_directory",
    "dbm_session.database_filename": "session_dbm",
    "file_session.enable_fast_cleanup": "session_fast_cleanup",
    "file_session.verify_session_timeout": "session_verify_cleanup",
    "file_session.cleanup_grace_period": "session_grace_period",
    "file_session.cleanup_time_limit": "session_cleanup_time_limit",
}


def module_setting(name: str, default: T) -> T:
    """Return a variable of ``mod_python.Session``, which programs of mod_python 3 set."""
    setting: T = getattr(sys.modules.get("mod_python.Session"), name, default)
    return setting


class SessionOptions:
    """The options of a request.

    Args:
        req: the request.
    """

    _folder: tuple[str, Path] | None = None  # the last one, with its kind

    def __init__(self, req: "_apache.Request") -> None:
        self._options = req.get_options()

    def text(self, name: str, default: str = "") -> str:
        """Return the text of ``mod_python.NAME``, or of its old name."""
        found = self._options.get(f"mod_python.{name}")
        if found is None and name in _OLD_NAMES:
            found = self._options.get(_OLD_NAMES[name])
        return found or default

    def path(self, name: str) -> str:
        """Return the path of a URL. Raise ValueError for one without a slash in front, which browsers ignore."""
        text = self.text(name)
        if text and not text.startswith("/"):
            raise ValueError(f"PythonOption mod_python.{name} {text}: write a path that begins with a slash: /{text}")
        return text

    def flag(self, name: str, default: bool) -> bool:
        """Return whether an option is on. Raise ValueError for a text that does not say it."""
        text = self.text(name)
        if not text:
            return default
        if text.lower() not in _TRUTHS:
            raise ValueError(f"PythonOption mod_python.{name} {text}: write true or false")
        return _TRUTHS[text.lower()]

    def number(self, name: str, default: float) -> float:
        """Return a number that is not negative. Raise ValueError for anything else."""
        text = self.text(name)
        if not text:
            return default
        try:
            number = float(text)
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise ValueError(f"PythonOption mod_python.{name} {text}: write a number of seconds")
        return number

    def key_file(self) -> Path | None:
        """Return the path of the file with the key that signs sessions; None for that of their folder."""
        named = self.text("session.key_file")
        return Path(named) if named else None

    def folder(self, kind: str = "session") -> Path:
        """Return the folder of the sessions, which is made if it is not there.

        It is ``mp_sess`` in the folder that the option names. Without one it is in the folder for temporary files, with
        the number of the user.

        Args:
            kind: the name of a store whose own option comes first, such as ``dbm_session``.

        Raises:
            SessionFolderError: others can write there.
            OSError: it cannot be made.
        """
        found = self._folder
        if found is None or found[0] != kind:
            named = self.text(f"{kind}.database_directory") or self.text("session.database_directory")
            found = self._folder = kind, private_folder(_place(named))
        return found[1]


@functools.lru_cache(maxsize=64)
def _place(named: str) -> Path:
    """Return the path of the folder of sessions, by what an option names. Making a `Path` takes longer than its use."""
    return Path(f"{named}/mp_sess" if named else f"{tempfile.gettempdir()}/mp_sess-{os.geteuid()}")
