"""Handlers that use mod_python.psp themselves."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mod_python import apache, psp
from mod_python._psp import page

kept: list[psp.PSP] = []
compiled = 0


def capture(req: apache.Request) -> int:
    """Take what a page writes, and write it in capitals."""
    taken: list[str] = []
    vars(req)["write"] = lambda data, _flush=1: taken.append(data)
    psp.PSP(req, string="a<%= 'b' * 5000 %>c<% req.write('d') %>e<% for x in range(300): %>f<% # end %>g").run()
    del vars(req)["write"]
    req.write("".join(taken).upper().replace("B" * 5000, "B").replace("F" * 300, "F"))
    psp.PSP(req, string="<%= 'h' %>i<% req.wsgi_start_response('200 OK', [])(b'j') %>k").run()
    return apache.OK


def make(req: apache.Request) -> int:
    """Write the page that is asked for, long ago."""
    path = Path(req.filename or "")
    path.unlink()
    path.write_text(f"page {req.args}")
    os.utime(path, (1000 + int(req.args or ""),) * 2)
    return apache.OK


def make_and_run(req: apache.Request) -> int:
    make(req)
    psp.PSP(req).run()
    return apache.OK


def template(req: apache.Request) -> int:
    req.content_type = "text/plain"
    greeting = psp.PSP(req, filename="parts/greeting.txt", vars={"name": "Ada", "place": "nowhere"})
    greeting.run()
    greeting.run({"place": "London"}, flush=1)
    psp.PSP(req, f"{req.document_root()}/parts/greeting.txt", vars={"name": "Bob", "place": "here"}).run()
    return apache.OK


def attributes(req: apache.Request) -> list[Any]:
    one = psp.PSP(req, "parts/greeting.txt", vars={"a": 1})
    other = psp.PSP(req, string="text")
    return [
        one.filename,
        one.string,
        one.vars,
        type(one.code).__name__,
        one.req is req,
        other.filename,
        other.string,
        other.vars,
        psp.PSP(req, filename="parts/greeting.txt").code is one.code,
    ]


def strings(req: apache.Request) -> int:
    req.content_type = "text/plain; charset=utf-8"
    psp.PSP(req, string=b"bytes: <%= x %>\xc3\xa9\\n\n", vars={"x": 1}).run()
    psp.PSP(req, string="str: <%= x %>é\\n\n", vars={"x": 2}).run()
    psp.PSP(req, string='include: <%@ include file="parts/part.inc" %>\n').run()
    return apache.OK


def as_text(req: apache.Request) -> int:
    text = str(psp.PSP(req, string="<b>é</b>"))
    req.write(f"{text!r} {req.content_type}")
    return apache.OK


def refused(req: apache.Request) -> list[str]:
    told = []
    for arguments in (
        {"filename": "a", "string": "b"},
        {"string": "\n<%= ( %>"},
        {"string": '<%@ include file="no" %>'},
    ):
        try:
            psp.PSP(req, **arguments)  # type: ignore[arg-type]
        except (ValueError, SyntaxError) as error:
            told.append(f"{type(error).__name__}: {error}")
    return told


def missing(req: apache.Request) -> object:
    return psp.PSP(req, "parts/none.txt")


def display(req: apache.Request) -> int:
    req.content_type = "text/html"
    psp.PSP(req, string="<b>\n<%= 1 < 2 %>").display_code()
    psp.PSP(req, "parts/greeting.txt").display_code()
    return apache.OK


def parsed(req: apache.Request) -> list[str]:
    folder = f"{req.document_root()}/parts"
    return [
        psp.parse("including.txt", folder),
        psp.parse("including.txt", folder + "/"),
        psp.parse("/including.txt", folder),
        psp.parse(f"{folder}/including.txt"),
        psp.parsestring(b"a\xc3\xa9<%= 1 %>"),
        psp.parsestring("<% x = 1 %>"),
        psp.parsestring('<%@ include file="part.inc" %>', folder),
        psp.parsestring(""),
    ]


def unparsed(req: apache.Request) -> list[str]:
    told = []
    folder = f"{req.document_root()}/parts"
    calls: list[Callable[[], str]] = [
        lambda: psp.parse("none.txt", folder),
        lambda: psp.parse("missing.txt", folder),
        lambda: psp.parsestring('<%@ include file="part.inc" %>'),
        lambda: psp.parsestring(b"\n\xe9"),
    ]
    for call in calls:
        try:
            call()
        except (OSError, psp.TemplateError) as error:
            told.append(f"{type(error).__name__}: {error}")
    return told


def keep(req: apache.Request) -> int:
    kept.append(psp.PSP(req, string="kept"))
    kept[-1].run()
    return apache.OK


def use_kept(req: apache.Request) -> int:
    kept[-1].run()
    return apache.OK


def count(req: apache.Request) -> int:
    """Count from now on how often a page is compiled, which takes a while."""
    make = page.Page.__init__

    def make_slowly(self: page.Page, *arguments: Any) -> None:
        global compiled
        compiled += 1
        time.sleep(0.3)
        make(self, *arguments)

    page.Page.__init__ = make_slowly  # type: ignore[method-assign,assignment]
    return apache.OK


def counted(req: apache.Request) -> int | list[int]:
    return [compiled]


def greet(req: apache.Request, name: str, greeting: str = "hello", mark: str = "") -> str:
    return f"{greeting} {name}{mark} {req.method}"
