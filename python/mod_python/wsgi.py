"""The handler that serves applications of WSGI (PEP 3333)::

    <Location /shop>
        SetHandler mod_python
        PythonHandler mod_python.wsgi
        PythonOption mod_python.wsgi.application shop.wsgi::application
    </Location>

``PythonApplication`` says the same in one line.
"""

from mod_python._apache import _serve_wsgi as handler

__all__ = ["handler"]
