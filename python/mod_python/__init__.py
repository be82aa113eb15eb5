"""Python inside Apache httpd.

Within httpd, ``from mod_python import apache`` imports the interface of the server. Outside of httpd,
``from mod_python import testing`` must come first; it runs filters without httpd.
``mod_python.temporary_server`` and ``mod_python.pytest_plugin`` start an httpd for tests.
"""

from mod_python.version import version as __version__

mp_version = __version__  # its name in mod_python 3

__all__ = ["__version__", "apache", "cgihandler", "mp_version", "psp", "publisher", "python22", "util", "version"]
