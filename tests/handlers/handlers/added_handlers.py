"""Handlers that add others to the request; what ran is in `req.notes`, and `tell` shows it."""

import functools
import json

from mod_python import apache


def note(req: apache.Request, what: str) -> int:
    req.notes.add("ran", what)
    return apache.OK


def a(req: apache.Request) -> int:
    return note(req, f"a in {req.phase}")


def b(req: apache.Request) -> int:
    return note(req, f"b in {req.phase}")


def tell(req: apache.Request) -> int:
    req.write(json.dumps(req.notes.get_all("ran")), flush=False)
    return apache.OK


def log(req: apache.Request) -> int:
    req.log_error(f"ran: {req.notes.get_all('ran')}", apache.APLOG_NOTICE)
    return apache.OK


class Counter:
    "An object that is a handler."

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, req: apache.Request) -> int:
        self.calls += 1
        return note(req, f"call {self.calls} in {req.phase}")

    def method(self, req: apache.Request) -> int:
        return note(req, f"method in {req.phase}")


def adds(req: apache.Request) -> int:
    "By name and as functions, to this phase and to those to come."
    counter = Counter()
    req.add_handler("PythonFixupHandler", "added_handlers::a")
    req.add_handler("PythonFixupHandler", counter)
    req.add_handler("PythonFixupHandler", counter)
    req.add_handler("PythonHandler", functools.partial(note, what="partial"))
    req.add_handler("PythonHandler", lambda req: note(req, "lambda"))
    req.add_handler("PythonHandler", counter.method)
    req.add_handler("PythonHandler", "added_handlers::tell")
    req.add_handler("PythonLogHandler", log)
    return note(req, "adds")


def early(req: apache.Request) -> int:
    for phase in ("PythonTransHandler", "PythonInitHandler", "PythonAccessHandler", "PythonTypeHandler"):
        req.add_handler(phase, note_declined)
    req.add_handler("PythonHandler", "added_handlers::tell")
    return apache.OK


def note_declined(req: apache.Request) -> int:
    note(req, str(req.phase))
    return apache.DECLINED


def wrong(req: apache.Request) -> int:
    def told(*arguments: object) -> str:
        try:
            req.add_handler(*arguments)  # type: ignore[arg-type]
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "taken"

    answers = [
        told("PythonFixupHandler", "added_handlers::a"),
        told("PythonTransHandler", b),
        told("PythonNoHandler", "added_handlers::a"),
        told("PythonCleanupHandler", "added_handlers::a"),
        told("PythonConnectionHandler", "added_handlers::a"),
        told("PythonHandler", "a..b"),
        told("PythonHandler", 7),
        told("PythonHandler", None),
        told(None, "added_handlers::a"),
    ]
    req.write("\n".join(answers), flush=False)
    return apache.OK


def from_cleanup(req: apache.Request) -> int:
    def late(req: apache.Request) -> None:
        try:
            req.add_handler("PythonLogHandler", "added_handlers::a")
        except ValueError as error:
            req.log_error(f"{req.phase}: {error}", apache.APLOG_NOTICE)

    req.register_cleanup(late, req)
    return apache.OK


def first(req: apache.Request) -> int:
    "Shows the list that it stands in, and passes over its second handler."
    seen = [described(req)]
    req.hlist.next()
    seen.append(described(req))
    req.notes["seen"] = json.dumps(seen)
    return apache.OK


def described(req: apache.Request) -> list[object]:
    hlist = req.hlist
    return [hlist.handler, hlist.silent, hlist.is_location, hlist.directory]


def past(req: apache.Request) -> int:
    "Past the end of the list all is None, and nothing breaks."
    hlist = req.hlist
    for _ in range(5):
        hlist.next()
    is_new = req.hlist is not hlist
    req.write(f"{req.notes['seen']} {described(req)} {repr(hlist)[:11]} {is_new}", flush=False)
    req.hlist_kept = hlist
    return apache.OK


def show_directory(req: apache.Request) -> int:
    req.write(json.dumps(described(req)), flush=False)
    return apache.OK


def connection(req: apache.Request) -> int:
    req.write(f"{req.connection.hlist}", flush=False)
    return apache.OK


def delete(req: apache.Request) -> int:
    told = []
    for name in ("uri", "status", "hlist", "connection", "content_type", "nothing"):
        try:
            delattr(req, name)
        except (AttributeError, TypeError) as error:
            told.append(type(error).__name__)
    req.write(f"{told} {req.uri}", flush=False)
    return apache.OK


def connectionhandler(conn: apache.Connection) -> int:
    assert conn.hlist is not None
    conn.write(f"{conn.hlist.handler} {conn.hlist.directory}\n")
    return apache.OK
