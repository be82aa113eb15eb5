"""Runs the CGI scripts of a folder, each in a process of its own: ``PythonHandler``."""

import os
import stat

from mod_python import apache
from mod_python._cgi_response import MalformedError, ScriptResponse
from mod_python._cgi_script import HangingError, Script

__all__ = ["handler"]


def handler(req: apache.Request) -> int:
    """Run the file of a request as a CGI script (RFC 3875) written in Python.

    Args:
        req: the request. Its `filename` is that of the script, which runs as ``__main__`` in its folder.

    Returns:
        apache.OK; 404 where there is no such file; 500 for a script whose output is no response; 504 for one that does
        nothing for as long as `Timeout` says, before it has begun to answer.

    Raises:
        apache.SERVER_RETURN: the body of the request cannot be read.
        OSError: the client is gone, or the script cannot be started.
        RuntimeError: the script has failed in the middle of its output: what was sent is cut.
    """
    file = req.filename or ""
    try:
        is_file = stat.S_ISREG(os.stat(file).st_mode)  # noqa: PTH116 - pathlib takes long to import
    except OSError:
        is_file = False
    if not is_file:
        return apache.HTTP_NOT_FOUND
    response = ScriptResponse(req)
    script = Script(req, file)
    try:
        script.serve(response)
        status = script.end()
    except HangingError:
        script.kill()
        return _failed(req, response, f"{file} has done nothing for {req.server.timeout:g} s (Timeout)", 504)
    except MalformedError as error:
        script.kill()
        return _failed(req, response, f"{file}: {error}", apache.HTTP_INTERNAL_SERVER_ERROR)
    except BaseException:
        script.kill()
        raise
    finally:
        response.close()
    if status:
        how = f"with status {status}" if status > 0 else f"by signal {-status}"
        req.log_error(f"mod_python: {file} ended {how}")
    if not response.has_begun:
        text = "wrote nothing" if response.is_empty else "ended within its headers"
        return _failed(req, response, f"{file} {text}", apache.HTTP_INTERNAL_SERVER_ERROR)
    if status < 0:
        raise RuntimeError(f"{file} was ended by signal {-status}, and its output may not be whole")
    response.finish()
    return apache.OK


def _failed(req: apache.Request, response: ScriptResponse, why: str, status: int) -> int:
    """Log why a script has failed, and return the status; where an answer has begun, have it cut."""
    if response.has_begun:
        raise RuntimeError(why)
    req.log_error(f"mod_python: {why}")
    return status
