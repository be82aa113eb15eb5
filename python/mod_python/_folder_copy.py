"""Copies of folders that httpd's children can read, whoever they run as."""

import os
import shutil
from pathlib import Path


class FolderCopy:
    """A copy of a folder. Links are followed."""

    def __init__(self, source: Path, target: Path, *, bytecode: bool = False) -> None:
        """Copy `source` to `target`, merged with what is there. A source that is no folder makes an empty one.

        Args:
            source: the folder.
            target: its copy.
            bytecode: whether ``__pycache__`` is copied, too.
        """
        self._source = source
        self._target = target
        self._left_out = () if bytecode else ("__pycache__",)
        self._stamps: dict[Path, tuple[int, ...]] = {}
        target.mkdir(exist_ok=True)
        target.chmod(0o755)
        self.refresh()

    def refresh(self) -> None:
        """Copy what has changed since the last call. Files that are gone stay."""
        for folder, folders, names in os.walk(self._source, followlinks=True):
            folders[:] = [name for name in folders if name not in self._left_out]
            target = self._target / Path(folder).relative_to(self._source)
            for name in folders:
                (target / name).mkdir(exist_ok=True)
                (target / name).chmod(0o755)
            for name in names:
                self._copy(Path(folder, name), target / name)

    def _copy(self, source: Path, target: Path) -> None:
        try:
            status = source.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)
            if self._stamps.get(source) == stamp:
                return
            # Renamed when it is whole: a child may be reading the one before.
            new = target.with_name(f".{target.name}.new")
            shutil.copy2(source, new)
        except FileNotFoundError:
            return  # an editor's file, which is gone again
        new.chmod(0o644)
        new.replace(target)
        self._stamps[source] = stamp
