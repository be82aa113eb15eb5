"""Pages that use req.form."""

from collections.abc import Callable
from typing import Any

from mod_python import apache, util


def called(req: apache.Request) -> list[Any]:
    form = req.form()
    return [form.items(), req.form() is form, req.form is form, isinstance(form, util.FieldStorage), repr(form)]


def asked_for(req: apache.Request) -> list[Any]:
    """As programs of mod_python 3 look whether something has read the form."""
    if not hasattr(req, "form"):
        req.form = util.FieldStorage(req)
    told = repr(req.form)
    return [told, req.form["a"], req.form.getfirst("b", "none"), "a" in req.form, len(req.form), req.form.keys()]


def replaced(req: apache.Request) -> list[Any]:
    """As programs of mod_python 3 keep the form for others."""
    req.form = util.FieldStorage(req, keep_blank_values=1)
    if req.args:
        req.form = dict(req.form.items())
    return [type(req.form).__name__, sorted(req.form), vars(req).keys() == {"form"}]


def refused_twice(req: apache.Request) -> list[int]:
    statuses = []
    for _ in range(2):
        try:
            req.form()
        except apache.SERVER_RETURN as error:
            statuses.append(error.args[0])
    assert not hasattr(type(req.form), "else")
    return statuses


kept: list[Any] = []


def keep(req: apache.Request) -> str:
    kept[:] = [req, req.form]
    if req.args:
        req.form()
    return "kept"


def use_kept(req: apache.Request) -> list[str]:
    told = [names_of(lambda: kept[1]), names_of(lambda: kept[0].form)]
    kept[:] = []
    return told


def names_of(form: Callable[[], Any]) -> str:
    try:
        return str(form().keys())
    except RuntimeError as error:
        return str(error)


def unread(req: apache.Request) -> list[str]:
    return [repr(req.form), req.read().decode()]
