"""Call the functions of a module by the path of the URL, with the fields of the form as arguments.

    <Directory "/srv/htdocs/pages">
        SetHandler mod_python
        PythonHandler objects
        PythonOption objects.modules /srv/pages
    </Directory>

/pages/guests/book/add?name=ann calls book.add(req, name="ann") of the module guests. Names that begin with an
underscore are private. What is returned is the page.
"""

import inspect
import os
import re

import _apache
from mod_python import apache

HTML = re.compile(r"</html\s*>\s*$", re.I)


class Field(str):
    """The value of a field; what the page does with it is its own affair."""


def fields_of(req):
    """All fields of the query and of the body; one that is there twice is a list."""
    pairs = _apache.parse_qsl(req.args or "", 1)
    if req.method == "POST":
        kind = req.headers_in.get("content-type", "application/x-www-form-urlencoded")
        if not kind.startswith("application/x-www-form-urlencoded"):
            raise apache.SERVER_RETURN(apache.HTTP_NOT_IMPLEMENTED)
        pairs = pairs + _apache.parse_qsl(req.read().decode("utf-8"), 1)
    fields = {}
    for name, value in pairs:
        if name in fields:
            if type(fields[name]) != list:
                fields[name] = [fields[name]]
            fields[name].append(Field(value))
        else:
            fields[name] = Field(value)
    return fields


def find(module, names, req):
    for name in names:
        if name[:1] == "_":
            raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    try:
        # A class on the way is made with the request.
        thing = apache.resolve_object(module, ".".join(names), arg=req)
    except AttributeError:
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    if inspect.ismodule(thing) or inspect.isclass(thing):
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    return thing


def call(req, function):
    arguments = dict(req.form)
    arguments["req"] = req
    spec = inspect.getfullargspec(function)
    wanted = spec.args
    if inspect.ismethod(function):
        wanted = wanted[1:]
    if not spec.varkw:
        for name in list(arguments.keys()):
            if name not in wanted:
                del arguments[name]
    missing = wanted[: len(wanted) - len(spec.defaults or ())]
    for name in missing:
        if name not in arguments:
            req.log_error("objects: %s needs %s" % (function.__name__, name), apache.APLOG_NOTICE)
            raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
    return function(**arguments)


def handler(req):
    req.allow_methods(["GET", "POST", "HEAD"], 1)
    if req.method not in ("GET", "POST", "HEAD"):
        raise apache.SERVER_RETURN(apache.HTTP_METHOD_NOT_ALLOWED)
    folder = req.get_options()["objects.modules"]
    path = (os.path.basename(req.filename) + (req.path_info or "")).strip("/")
    names = path.split("/")
    try:
        module = apache.import_module(
            names[0], autoreload=int(req.get_config().get("PythonAutoReload", 1)), path=[folder]
        )
    except ImportError:
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    thing = find(module, names[1:] or ["index"], req)
    req.form = fields_of(req)
    if callable(thing):
        thing = call(req, thing)
    if thing is None:
        return apache.OK  # it has written by itself
    text = str(thing)
    if not req._content_type_set:
        if HTML.search(text[-100:]):
            req.content_type = "text/html"
        else:
            req.content_type = "text/plain"
    req.write(text, 0)
    return apache.OK
