"""Keeps httpd's objects longer than they may be used."""

import threading
import time
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

kept: dict[str, Any] = {}


def keep(req: apache.Request) -> int:
    kept.clear()
    kept.update(
        req=req,
        connection=req.connection,
        table=req.headers_in,
        notes=req.notes,
        write=req.write,
        server=req.server,
        finfo=req.finfo,
        iterator=iter(req.headers_in),
    )
    req.mine = "stays"
    return apache.OK


def keep_filter(filter: apache.Filter) -> None:
    kept.clear()
    kept.update(filter=filter, req=filter.req, connection=filter.connection, read=filter.read)
    filter.pass_on()


def look_after(filter: apache.Filter) -> None:
    "Has the filters below called, and then looks at what they keep, without asking for a request itself."
    filter.write(filter.read() or b"")
    filter.flush()
    kept["seen"] = error_of(lambda: kept["req"].uri)
    filter.disable()


def keep_and_flush(filter: apache.Filter) -> None:
    "Keeps itself, and has the next filter called from inside of its own call."
    kept.update(filter=filter)
    filter.flush()
    filter.disable()


def use_both(filter: apache.Filter) -> None:
    "Uses its own request, and that of the filter above: one and the same."
    kept.update(own=filter.req.uri, req=kept["filter"].req)
    filter.disable()


def seen(req: apache.Request) -> list[str]:
    return [kept["own"], kept["seen"]]


def keep_connection(conn: apache.Connection) -> int:
    kept.clear()
    kept.update(connection=conn, table=conn.notes, write=conn.write)
    conn.write(b"kept\n")
    return apache.OK


def use() -> dict[str, str]:
    uses = {
        "req": lambda it: it.uri,
        "connection": lambda it: it.client_ip,
        "table": lambda it: it["Host"],
        "notes": lambda it: it.add("a", "b"),
        "write": lambda it: it(b"x"),
        "filter": lambda it: it.write(b"x"),
        "read": lambda it: it(),
    }
    seen = {name: error_of(use, kept[name]) for name, use in uses.items() if name in kept}
    if "notes" in kept:
        for name, call in {"len": len, "list": list, "repr": repr, "clear": lambda it: it.clear()}.items():
            seen[f"table {name}"] = error_of(call, kept["notes"])
        seen["set"] = error_of(setattr, kept["req"], "status", 404)
        seen["method"] = error_of(kept["req"].get_options)
        seen["headers"] = error_of(lambda: kept["req"].headers_out)
    return seen


def used(req: apache.Request) -> dict[str, Any]:
    seen: dict[str, Any] = {"errors": use()}
    if "finfo" in kept:
        seen["lasting"] = [
            kept["req"].mine,
            kept["server"].server_hostname,
            kept["finfo"].size,
            # Used up by the first look.
            "Host" in kept.setdefault("names", list(kept["iterator"])),
            repr(kept["req"]).startswith("<mp_request object"),
        ]
    return seen


def in_thread(req: apache.Request) -> dict[str, Any]:
    "The request is at work here, so another thread gets an exception; before and after it is fine."
    keep(req)
    seen: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: seen.update(errors=use()))
    thread.start()
    thread.join()
    seen["here"] = req.uri
    return seen


def outlived(req: apache.Request) -> int:
    "A thread that goes on using the request after its end."
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.01):
            said = error_of(lambda: req.headers_in["Host"])
            if not said.startswith(("RuntimeError: the request is", "RuntimeError: the request cannot be used now")):
                apache.log_error(f"in the thread: {said}")
            if "is over" in said:
                apache.log_error("the thread saw the end", apache.APLOG_NOTICE)
                break

    threading.Thread(target=work).start()
    return apache.OK


def many(req: apache.Request) -> int:
    "Keeps every request, and a cycle through it."
    kept.setdefault("all", []).append(req)
    req.cycle = [req]
    return apache.OK


def count(req: apache.Request) -> list[int]:
    "Tells how many requests are kept, and how many are over: the last one may be ending in another thread."
    requests = kept.pop("all")
    end = time.monotonic() + 20
    while True:
        errors = [error_of(lambda it=it: it.uri) for it in requests]
        over = sum(said.startswith("RuntimeError: the request is over") for said in errors)
        if over == len(errors) or time.monotonic() > end:
            return [len(errors), over]
        time.sleep(0.01)
