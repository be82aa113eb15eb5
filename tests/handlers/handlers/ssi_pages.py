"""Handlers around SSI pages."""

from mod_python import apache


def handler(req: apache.Request) -> int:
    # The page is a handler's own.
    req.content_type = "text/html"
    req.write("[")
    req.write(f'<!--#python eval="{req.args}" -->]')
    return apache.OK
