"""Python inside Apache httpd.

Inside httpd, ``from mod_python import apache`` gives the interface of the server.
Outside of it the package can be imported, but not ``apache``.
"""

from mod_python.version import version as __version__

__all__ = ["__version__", "apache", "version"]
