"""Variables of a file for the environment (`--env-file`). In a child of httpd, importing it sets them.

So a graceful restart takes a file that has changed. Children read a copy of what was last found right: one that starts
while somebody edits the file has the variables of the others.
"""

import os
import re
import shlex
from pathlib import Path

VARIABLE = "MOD_PYTHON_SERVE_ENV_FILE"  # names the copy for httpd's children

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")


def read(path: Path) -> dict[str, str]:
    """Return the variables of a file with lines `NAME=value`, comments and quotes as in a shell.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is something else; the text says which.
    """
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        try:
            words = shlex.split(match[2], comments=True) if match else None
        except ValueError:
            words = None
        if match is None or words is None or len(words) > 1:
            raise ValueError(f"line {number} of {path} is not NAME=value, with quotes where the value has blanks")
        found[match[1]] = "".join(words)
    return found


def write(path: Path, variables: dict[str, str], owner: int) -> None:
    """Write a file with these variables that only one user can read, at once for those who read it meanwhile.

    Args:
        path: the file.
        variables: as `read()` returns them.
        owner: the number of the user.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    os.chown(new, owner, -1)
    new.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items()))
    new.replace(path)


if VARIABLE in os.environ:
    os.environ.update(read(Path(os.environ[VARIABLE])))
