"""Type handlers, and handlers that tell what they left."""

import json

from mod_python import apache


def decline(req: apache.Request) -> int:
    req.content_type = "application/x-python"
    return apache.DECLINED


def decline_only(req: apache.Request) -> int:
    return apache.DECLINED


def stop(req: apache.Request) -> int:
    req.content_type = "application/x-stopped"
    return apache.OK


def never(req: apache.Request) -> int:
    req.headers_out["X-Never"] = "called"
    return apache.DECLINED


def remember(req: apache.Request) -> int:
    "What it puts on req is there in later phases."
    req.mine = ["from the type handler", req.phase]
    req.kept = req
    return apache.DECLINED


def tell(req: apache.Request) -> int:
    req.content_type = "application/json"
    req.write(json.dumps([*req.mine, req.phase, req.kept is req]), flush=False)
    del req.kept
    return apache.OK


def choose_handler(req: apache.Request) -> int:
    req.handler = "mod_python"
    req.content_type = "text/x-chosen"
    return apache.OK


def forbid(req: apache.Request) -> int:
    return apache.HTTP_FORBIDDEN


def fail(req: apache.Request) -> int:
    raise LookupError("no type for this")


def plain(req: apache.Request) -> int:
    req.write(f"{req.content_type} for {req.uri}", flush=False)
    return apache.OK


def by_name(req: apache.Request) -> int:
    "Sets a type on the files that it knows; logs each request that it is asked for."
    main = req.main.uri if req.main else "-"
    req.log_error(f"type of {req.uri} in {main}", apache.APLOG_NOTICE)
    if req.filename.endswith(".known"):
        req.content_type = "text/x-known"
    return apache.DECLINED


def magic_type(req: apache.Request) -> int:
    "httpd chooses no handler by a type that Python set: here that of CGI scripts."
    req.content_type = "application/x-httpd-cgi"
    return apache.DECLINED


def unset(req: apache.Request) -> int:
    req.content_type = None
    return apache.DECLINED
