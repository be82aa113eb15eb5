"""Prepares an interpreter. Each new interpreter imports it once, before any other Python code."""

import sys

from mod_python import _apache, _streams
from mod_python import _folders as _folders  # installs the finder for modules of folders
from mod_python.version import version

if version != _apache._version:
    raise ImportError(
        f"the package mod_python {version} ({__file__}) does not match the module "
        f"mod_python.so {_apache._version}: install both from one build"
    )

sys.stdout = _streams.LogStream(is_error=False)
sys.stderr = _streams.LogStream(is_error=True)
