"""Shows which of two frameworks an interpreter has, for two-sites.conf."""

import sys

from mod_python import apache


def handler(req: apache.Request) -> int:
    """Write the name of the interpreter, and the frameworks that were imported into it."""
    found = [name for name in ("django", "flask") if name in sys.modules]
    req.write(f"{apache.interpreter} has {' and '.join(found)}\n")
    return apache.OK
