"""Tells in which interpreter each phase runs."""

import json

from mod_python import apache


def tell(req: apache.Request) -> int:
    "Notes and logs its phase with its interpreter; the notes are httpd's, so that all interpreters see them."
    assert req.interpreter == apache.interpreter
    ran = f"{req.phase} in {apache.interpreter}"
    req.notes["ran"] = f"{req.notes.get('ran', '')}{ran}\n"
    req.log_error(f"ran {ran}", apache.APLOG_NOTICE)
    if not hasattr(req, "first"):
        req.first = req.phase
    return apache.DECLINED


def user(req: apache.Request) -> int:
    tell(req)
    req.user = "user"
    req.ap_auth_type = "X"
    return apache.OK


def elsewhere(req: apache.Request) -> int:
    "Gives the request the file of another directory."
    tell(req)
    req.filename = req.get_options()["elsewhere"]
    return apache.OK


def handler(req: apache.Request) -> int:
    "Answers with what ran so far, and with the phase in which this interpreter's req was made."
    tell(req)
    req.content_type = "application/json"
    main = apache.main_server
    seen = {
        "ran": req.notes["ran"].splitlines(),
        "first": req.first,
        "interpreter": apache.interpreter,
        "server": req.server.server_hostname,
        "main_server": [main.server_hostname, main.is_virtual],
        "config": req.get_config().get("PythonInterpreter"),
    }
    req.write(json.dumps(seen))
    return apache.OK
