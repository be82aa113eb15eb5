"""Pages that read forms."""

import hashlib
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

from mod_python import apache, util


def shown(field: util.Field | util.StringField) -> list[Any]:
    """A field as JSON: its class, name, content and what came with it."""
    content = field.value if isinstance(field, util.StringField) else field.value.decode("latin-1")
    return [type(field).__name__, field.name, content, field.filename, field.type]


def fields(req: apache.Request) -> list[list[Any]]:
    form = util.FieldStorage(
        req, keep_blank_values=req.path_info == "/blank", strict_parsing=req.path_info == "/strict"
    )
    return [shown(field) for field in form.list]


def form(req: apache.Request) -> list[list[Any]]:
    return [shown(field) for field in util.FieldStorage(req, 1).list]


def strict(req: apache.Request) -> list[list[Any]]:
    return [shown(field) for field in util.FieldStorage(req, strict_parsing=1).list]


def left(req: apache.Request) -> list[Any]:
    names = util.FieldStorage(req).keys()
    return [names, req.read().decode()]


def twice(req: apache.Request) -> list[list[str]]:
    return [util.FieldStorage(req).keys(), util.FieldStorage(req).keys()]


def raw(req: apache.Request) -> list[str]:
    return [field.raw.hex() for field in util.FieldStorage(req).list if isinstance(field, util.StringField)]


def details(req: apache.Request) -> list[Any]:
    return [
        [
            [field.ctype, field.type_options, field.disposition, field.disposition_options],
            [dict(field.headers.items()), field.file.read().decode()],  # type: ignore[union-attr]
        ]
        for field in util.FieldStorage(req).list
    ]


def mapping(req: apache.Request) -> dict[str, Any]:
    form = util.FieldStorage(req)
    told: dict[str, Any] = {
        "get": [form["a"], form["b"], form.get("c"), form.get("c", 1), form.get("a", 1)],
        "getfirst": [form.getfirst("b"), form.getfirst("c"), form.getfirst("c", 2)],
        "getlist": [form.getlist("a"), form.getlist("b"), form.getlist("c")],
        "names": [form.keys(), list(form), len(form), "a" in form, "c" in form, form.has_key("b"), bool(form)],
        "items": form.items(),
    }
    try:
        told["missing"] = form["c"]
    except KeyError as error:
        told["missing"] = str(error)
    form.add_field(b"b", b"\xc3\xa9")
    form.add_field("d", "5")
    told["added"] = form.items()
    form["b"] = "6"
    form["e"] = util.Field("other", disp_options={"filename": "f"})
    told["set"] = [(name, type(field).__name__) for name, field in form.items()]
    del form["a"]
    told["deleted"] = form.keys()
    form.clear()
    told["cleared"] = [form.keys(), bool(form)]
    return told


class Stored:
    """A file in a folder of its own, which gets its name when it is closed."""

    folder = ""

    def __init__(self, name: str = "text") -> None:
        self.path = f"{self.folder}/{name}"
        self.file = open(self.path, "w+b")  # noqa: SIM115
        self.write, self.seek, self.read = self.file.write, self.file.seek, self.file.read

    def close(self) -> None:
        self.file.close()
        os.rename(self.path, self.path + ".done")  # noqa: PTH104


def callbacks(req: apache.Request) -> list[Any]:
    with tempfile.TemporaryDirectory() as Stored.folder:
        form = util.FieldStorage(req, file_callback=Stored, field_callback=Stored)
        told = [[shown(field)[:3] for field in form.list], sorted(os.listdir(Stored.folder))]
        form.clear()
        return [*told, sorted(os.listdir(Stored.folder))]


def limited(req: apache.Request) -> list[str]:
    limits = util.FormLimits(max_fields=3, max_files=1, max_memory=200, max_file_size=10)
    return util.FieldStorage(req, limits=limits).keys()


def broken_callback(req: apache.Request) -> list[str]:
    def fail(name: str) -> None:
        raise ValueError(f"no place for {name}")

    return util.FieldStorage(req, file_callback=fail).keys()


def where(req: apache.Request) -> list[bool]:
    """Whether each file is on the disk."""
    return [field.file._rolled for field in util.FieldStorage(req).list]  # type: ignore[union-attr]


def cost(req: apache.Request) -> dict[str, Any]:
    """What it takes to read a body: as a form, or by req.read()."""

    def seconds() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def peak() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])

    peak_before, before = peak(), seconds()
    if req.args == "read":
        size = len(req.read())
        return {"size": size, "seconds": seconds() - before}
    form = util.FieldStorage(req)
    used, grown = seconds() - before, peak() - peak_before
    file = form["file"].file  # type: ignore[union-attr]
    return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "seconds": used, "kib": grown}  # type: ignore[arg-type]
