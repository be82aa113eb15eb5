"""Publishes the functions and other objects of modules in the folders of documents: ``PythonHandler``."""

from mod_python import _modules, apache
from mod_python._publisher import response, target, traversal

__all__ = ["handler"]

_METHODS = ("GET", "POST", "HEAD")


def handler(req: apache.Request) -> int:
    """Answer a request with the object that its URL names.

    Args:
        req: the request. Its `filename` becomes that of the module, and `form` the form that was read.

    Returns:
        apache.OK, or 405 for a method other than GET, POST and HEAD.

    Raises:
        apache.SERVER_RETURN: 404 and 403 for what is not there or not published, 401 and 403 by the rules of the
            objects, 400 for a form that lacks a field, and other results that the published code raises.
        BaseException: whatever else the published code raises.
    """
    if req.method not in _METHODS:
        req.allow_methods(_METHODS)
        return apache.HTTP_METHOD_NOT_ALLOWED
    try:
        file, names = target.find(req)
        module = _module(req, file)
        req.filename = file
        response.publish(req, traversal.resolve(req, module, names))
    except apache.SERVER_RETURN as result:
        if apache.HTTP_METHOD_NOT_ALLOWED in result.args:
            req.allow_methods(_METHODS)
        raise
    return apache.OK


def _module(req: apache.Request, file: str) -> object:
    try:
        return _modules.import_file(file, req)
    except PermissionError as error:
        if error.filename != file:
            raise
        req.log_error(f"mod_python: the permissions of {file} let httpd's user not read it")
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN) from error
