"""Functions that are called with the fields of a form, and redirections."""

from collections.abc import Callable
from typing import Any

from mod_python import apache, util


def plain(req: apache.Request, a: str, b: str = "default") -> list[Any]:
    return [req.method, a, b]


def open_ended(**fields: Any) -> dict[str, Any]:
    return {name: "req" if isinstance(value, apache.Request) else value for name, value in fields.items()}


def keyword_only(a: str, *, b: str, c: str = "default") -> list[str]:
    return [a, b, c]


def positional_only(a: str, b: str = "default", /, c: str = "default", **more: str) -> list[Any]:
    return [a, b, c, open_ended(**more)]


def files(f: util.Field, a: Any = None) -> list[Any]:
    return [type(f).__name__, f.filename, a]


class Shop:
    def __init__(self, a: str = "default", **more: str) -> None:
        self.told = [a, open_ended(**more)]

    def __call__(self, a: str, **more: str) -> list[Any]:
        return ["called", a, open_ended(**more)]

    def method(self, a: str, **more: str) -> list[Any]:
        return ["method", a, open_ended(**more)]

    @classmethod
    def by_class(cls, a: str) -> list[Any]:
        return ["class", a]

    @staticmethod
    def static(a: str) -> list[Any]:
        return ["static", a]


CALLED: dict[str, Callable[..., Any]] = {
    "plain": plain,
    "open_ended": open_ended,
    "keyword_only": keyword_only,
    "positional_only": positional_only,
    "files": files,
    "lambda": lambda a, *b: [a, b],
    "class": lambda req: util.apply_fs_data(Shop, req.form, req=req).told,
    "instance": Shop(),
    "method": Shop().method,
    "class_method": Shop.by_class,
    "static_method": Shop.static,
    "builtin": dict,
    "bound_builtin": {"fixed": 1}.copy,
}


def call(req: apache.Request) -> Any:
    req.form = util.FieldStorage(req)
    return util.apply_fs_data(CALLED[req.headers_in["X-Call"]], req.form, req=req)


def redirect(req: apache.Request) -> None:
    form = util.FieldStorage(req)
    status = form.getfirst("status")
    if "cookie" in form:
        req.err_headers_out.add("Set-Cookie", "a=1")
    if "before" in form:
        req.write("before", flush=False)
    if "sent" in form:
        req.write("sent")
    util.redirect(
        req,
        form.getfirst("to"),
        permanent="permanent" in form,
        text=form.getfirst("text"),
        status=None if status is None else int(status),
    )


def redirect_bytes(req: apache.Request) -> None:
    util.redirect(req, b"/")  # type: ignore[arg-type]


def queries(req: apache.Request) -> list[Any]:
    query = "a=1&b=%41+b;a=x=y&c=&d"
    return [
        util.parse_qs(query),
        util.parse_qsl(query),
        util.parse_qsl(query, True),
        [[name.decode(), value.decode()] for name, value in util.parse_qsl(query.encode())],
        util.readBlockSize,
    ]


def headers(req: apache.Request) -> list[Any]:
    return [
        util.parse_header(b'Text/HTML; Charset="utf-8"; a=b ; c="x;y=\\"z\\"";'),
        util.parse_header("form-data"),
        util.parse_header('form-data; filename="a\\"; name="b"; name=c'),
        util.parse_header(b'form-data; name="\xff"')[1]["name"].encode("utf-8", "surrogateescape").hex(),
    ]


def set_values(req: apache.Request) -> list[Any]:
    """A program that changes what the client has sent before others see it."""
    form = req.form()
    for field in form.list:
        field.value = field.value.strip("-") if isinstance(field, str) else field.value.strip(b"-")
    told = [[type(field.value).__name__, field.value] for field in form.list if isinstance(field, str)]
    file = form["file"]
    assert isinstance(file, util.Field)
    assert file.file is not None
    return [told, file.value.decode(), file.file.read().decode(), util.apply_fs_data(lambda a: a, form)]


def field_classes(req: apache.Request) -> list[Any]:
    """What programs that make fields themselves get."""
    field = util.Field("f", None, "text/html", {"charset": "x"}, "form-data", {"filename": "n"}, {"X": "1"})
    told = [field.name, field.value.decode(), field.type, field.ctype, field.type_options, field.disposition]
    text = util.StringField("value")
    text.name = "t"
    fields = util.FieldList([text, field])
    counts = []
    fields.append(util.StringField(b"\xc3\xa9", "t"))
    counts.append(len(fields.table()["t"]))
    fields.extend([text])
    counts.append(len(fields.table()["t"]))
    fields.insert(0, text)
    counts.append(len(fields.table()["t"]))
    fields += [text]
    counts.append(len(fields.table()["t"]))
    fields.pop()
    counts.append(len(fields.table()["t"]))
    fields.remove(text)
    counts.append(len(fields.table()["t"]))
    fields[0] = field
    counts.append(len(fields.table()["t"]))
    del fields[-1]
    counts.append(len(fields.table()["t"]))
    fields *= 2
    counts.append(len(fields.table()["t"]))
    fields.reverse()
    counts.append(len(fields.table()["t"]))
    fields.sort(key=lambda one: one.name)
    names = [one.name for one in fields]
    fields.clear()
    told_text = [text.value, text.file.read().decode(), text.ctype, text.filename, text.disposition, text.headers]
    return [told, field.disposition_options, field.filename, told_text, counts, names, fields.table()]
