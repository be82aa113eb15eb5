"""What an interpreter knows of its environment, as JSON."""

import importlib
import json
import locale
import os
import sys
import time

import mod_python
from mod_python import apache


def who() -> str | None:
    """Return the text of the module `who`, if there is one."""
    try:
        return str(importlib.import_module("who").NAME)
    except ImportError:
        return None


def handler(req: apache.Request) -> int:
    """Write the facts."""
    facts = {
        "who": who(),
        "prefix": sys.prefix,
        "base": sys.base_prefix,
        "executable": sys.executable,
        "path": sys.path,
        "package": mod_python.__file__,
        "flags": repr(sys.flags),
        "finders": [getattr(finder, "__module__", "") for finder in sys.meta_path],
        "texts": [sys.getfilesystemencoding(), locale.getpreferredencoding(), locale.setlocale(locale.LC_CTYPE)],
        "month": time.strftime("März %Y", time.gmtime(0)),
        "shell": os.environ.get("PYTHONHOME"),
    }
    req.write(json.dumps(facts))
    return apache.OK
