"""Whatever bytes a client sends come through unchanged."""

from mod_python import apache


def handler(req: apache.Request) -> int:
    req.headers_out["X-Echo"] = req.headers_in.get("X-Sent", "")
    for name in ("uri", "unparsed_uri", "args", "filename", "path_info", "the_request"):
        value = getattr(req, name)
        req.log_error(f"{name} is {value!r}", apache.APLOG_DEBUG)
        req.write(f"{name}={value}\n", flush=False)
    # As text and back: nothing raises, nothing is lost.
    req.subprocess_env["SENT"] = req.headers_in.get("X-Sent", "")
    req.notes[req.headers_in.get("X-Sent") or "x"] = req.uri
    req.write("note=", flush=False)
    req.write(req.notes[req.headers_in.get("X-Sent") or "x"], flush=False)
    req.log_error(f"log {req.uri} {req.headers_in.get('X-Sent')}", apache.APLOG_NOTICE)
    print("printed", req.uri)
    return apache.OK


def raising(req: apache.Request) -> int:
    raise ValueError(f"cannot stand {req.args}")
