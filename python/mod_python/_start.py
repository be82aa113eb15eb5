"""Run by the module once in each new interpreter, before any other Python code."""

import sys

from mod_python import _apache, _streams
from mod_python import _folders as _folders  # modules of folders can be imported from now on, say by pickle
from mod_python.version import version

if version != _apache._version:
    raise ImportError(
        f"the package mod_python {version} ({__file__}) does not fit the module "
        f"mod_python.so {_apache._version}: install both from one build"
    )

sys.stdout = _streams.LogStream(is_error=False)
sys.stderr = _streams.LogStream(is_error=True)
