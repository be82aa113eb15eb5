"""Run by the module once in each new interpreter, before any other Python code."""

import sys

import _apache

from mod_python import _streams
from mod_python.version import version

if version != _apache.version:
    raise ImportError(
        f"the package mod_python {version} ({__file__}) does not fit the module "
        f"mod_python.so {_apache.version}: install both from one build"
    )

sys.stdout = _streams.LogStream(is_error=False)
sys.stderr = _streams.LogStream(is_error=True)
