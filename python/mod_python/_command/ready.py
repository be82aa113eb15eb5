"""Imported last as a child of httpd starts, it tells `mod_python serve` that the child is ready."""

import os

LINE = b"mod_python: a child is ready\n"

if "MOD_PYTHON_SERVE" in os.environ:
    os.write(2, LINE)  # standard error is the error log, which `serve` reads
