"""The smallest handler: it answers a request with a line of text.

    SetHandler mod_python
    PythonHandler hello::handler
    PythonOption greeting Hello

req.get_options() has the values of PythonOption in the configuration.
"""

import platform

from mod_python import apache


def handler(req: apache.Request) -> int:
    greeting = req.get_options().get("greeting", "Hello")
    req.content_type = "text/plain"
    req.write(f"{greeting} from Python {platform.python_version()}\n")
    return apache.OK
