"""A handler of a folder, as a CGI script would see it."""

from mod_python import apache


def handler(req: apache.Request) -> int:
    """Write the name of the script."""
    req.write(apache.build_cgi_env(req)["SCRIPT_NAME"])
    return apache.OK
