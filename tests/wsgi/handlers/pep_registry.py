"""The applications of pep_pages and pep_headers by their names.

Those that keep to the PEP are wrapped by wsgiref.validate; the others show what a server does with them.
"""

import json
from collections.abc import Callable
from typing import Any
from wsgiref.validate import validator

Environ = dict[str, Any]
Application = Callable[..., Any]
PAGES: dict[str, Application] = {}
TEXT = [("Content-Type", "text/plain")]


def page(application: Application) -> Application:
    """An application that keeps to the PEP."""
    PAGES[application.__name__] = validator(application)
    return application


def unwrapped(application: Application) -> Application:
    """An application that does not, or one whose server is to see its very objects."""
    PAGES[application.__name__] = application
    return application


def answer(start_response: Any, value: object) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(value).encode()]
