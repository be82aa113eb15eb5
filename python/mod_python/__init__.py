"""Python inside Apache httpd.

Inside httpd, ``from mod_python import apache`` gives the interface of the server.
Outside of it that needs ``from mod_python import testing`` first, which tests filters without httpd.
``mod_python.temporary_server`` and ``mod_python.pytest_plugin`` boot an httpd for tests.
"""

from mod_python.version import version as __version__

__all__ = ["__version__", "apache", "version"]
