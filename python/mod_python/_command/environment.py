"""Variables of a file for the environment (`--env-file`). In a child of httpd, importing it sets them.

So a graceful restart takes a file that has changed. Children read a copy of what was last found right: one that starts
while somebody edits the file has the variables of the others.
"""

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "MOD_PYTHON_SERVE_ENV_FILE"  # names the copy for httpd's children

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)")
# One word, perhaps with a comment behind it, which begins where a word would.
_WORD = re.compile(
    r"""(?:\s+(?!\#))? ( (?: '[^']*' | "(?:\\.|[^"\\])*" | \\. | [^\s'"\\] )* ) (?: \s+\#.* | \s* )""", re.VERBOSE
)


def read(path: Path) -> dict[str, str]:
    """Return the variables of a file with lines `NAME=value`, comments and quotes as in a shell.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is something else; the text says which.
    """
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        word = _WORD.fullmatch(match[2]) if match else None
        if match is None or word is None or "\0" in line:
            raise ValueError(f"line {number} of {path} is not NAME=value, with quotes where the value has blanks")
        found[match[1]] = "".join(shlex.split(word[1]))
    return found


def write(path: Path, variables: Mapping[str, str | None], owner: int) -> None:
    """Write a file with these variables that only one user can read, at once for those who read it meanwhile.

    Args:
        path: the file.
        variables: as `read()` returns them; None for those that are not to be there.
        owner: the number of the user.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    os.chown(new, owner, -1)
    new.write_text(json.dumps(variables))
    new.replace(path)


def _take(path: Path) -> None:
    for name, value in json.loads(path.read_text()).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


if VARIABLE in os.environ:
    _take(Path(os.environ[VARIABLE]))
