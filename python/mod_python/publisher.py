"""Publishes the functions and other objects of modules in the folders of documents: ``PythonHandler``."""

from mod_python import _apache, _modules, apache
from mod_python._forms.arguments import keywords_of
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
    try:
        is_answered = _publisher.publish(req)
        if is_answered is None and req.method in _METHODS:
            _publish_for(req)
            is_answered = True
        if is_answered:
            return apache.OK
    except apache.SERVER_RETURN as result:
        if apache.HTTP_METHOD_NOT_ALLOWED in result.args:
            req.allow_methods(_METHODS)
        raise
    req.allow_methods(_METHODS)
    return apache.HTTP_METHOD_NOT_ALLOWED


def _publish_for(req: apache.Request) -> None:
    """Publish for an object with which a program has wrapped a request: its methods and attributes are asked."""
    file, names, _ = target.find(req)
    module = _module(req, file)
    req.filename = file
    left = response.publish(req, traversal.resolve(req, module, names), False)
    if left is not None:
        response.send(req, left)


def _module(req: apache.Request, file: str) -> object:
    try:
        return _modules.import_file(file, req)
    except PermissionError as error:
        if error.filename != file:
            raise
        req.log_error(f"mod_python: the permissions of {file} let httpd's user not read it")
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN) from error


def _facts(found: object) -> tuple[bool, tuple[str, ...], frozenset[str]] | None:
    """Return what can be kept of a function or method that was published.

    Returns:
        Whether it is published without a further look at it, as long as it stays as it is, and the names of its
        parameters: all, and those without a default. None if it must be called by `response.publish`.
    """
    parameters = keywords_of(found)
    return None if parameters is None else (traversal.is_free_function(found), *parameters)


# What it knows of a page is asked for in this order, where it knows nothing.
_publisher = _apache.Publisher(
    (_modules.modules_by_file, target.find, _module, traversal.resolve, _facts, response.publish)
)
