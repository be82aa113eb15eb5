"""What another user may read, as far as the modes of files and folders tell."""

import os
import stat
from collections.abc import Container
from pathlib import Path


def can_read(path: Path, user: int, groups: Container[int]) -> bool:
    """Return whether a user can read a file, or a folder, by its mode and those of the folders above it.

    Args:
        path: it must exist.
        user: the number of the user.
        groups: the numbers of that user's groups.
    """
    if user == os.geteuid():
        return os.access(path, os.R_OK)

    def may(one: Path, bits: int) -> bool:
        status = one.stat()
        shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
        return (status.st_mode >> shift) & bits == bits

    path = path.resolve()
    needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
    return may(path, needed) and all(may(folder, stat.S_IXOTH) for folder in path.parents)
