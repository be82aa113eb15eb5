"""The user as whom httpd's children run, and what that user can read."""

import grp
import os
import pwd
from pathlib import Path

from mod_python._command.problem import Problem
from mod_python._readable import can_read

_USUAL = ("www-data", "apache", "daemon", "nobody")  # as Debian, Fedora and httpd itself call it


class Children:
    """The user of httpd's children: who started the command, or for root the owner of what is served.

    Args:
        path: what is served.
    """

    def __init__(self, path: Path) -> None:
        self.uid = os.geteuid()
        self.is_other = self.uid == 0  # httpd refuses to serve as root
        if self.is_other:
            self.uid = path.stat().st_uid or int(os.environ.get("SUDO_UID", 0)) or _usual()
        try:
            user = pwd.getpwuid(self.uid)
            self.name, self.gid = user.pw_name, user.pw_gid
            self._groups = {*os.getgrouplist(self.name, self.gid)}
        except KeyError:  # a user of another container
            self.name, self.gid = f"#{self.uid}", os.getegid() or path.stat().st_gid
            self._groups = {self.gid}

    def directives(self) -> list[tuple[str, str]]:
        """Return the directives that make it their user, each with its argument."""
        if not self.is_other:
            return []
        try:
            group = grp.getgrgid(self.gid).gr_name
        except KeyError:
            group = f"#{self.gid}"
        return [("User", self.name), ("Group", group)]

    def can_read(self, path: Path) -> bool:
        """Return whether they can read a file, or a folder, as far as its mode and those above it tell."""
        return can_read(path, self.uid, self._groups)


def _usual() -> int:
    for name in _USUAL:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise Problem(f"httpd does not serve as root, and there is no user {', '.join(_USUAL)}: run it as an ordinary user")
