"""httpbin. wsgiref.validate refuses it: it calls read() without a size, which PEP 3333 says servers should allow."""

from httpbin import app as application

__all__ = ["application"]
