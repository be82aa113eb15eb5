"""Ends of requests and children: cleanups tell the log."""

from mod_python import apache


def handler(req: apache.Request) -> int:
    def told(data: object) -> None:
        req.log_error(f"cleanup {data}, {req.phase}, {req.uri}", apache.APLOG_NOTICE)

    req.register_cleanup(told, "first")
    req.register_cleanup(told, ("a", "tuple"))
    req.register_cleanup(told)
    req.word = "kept"
    return apache.OK


def cleanuphandler(req: apache.Request) -> int:
    word = getattr(req, "word", "no word")
    req.log_error(f"cleanup handler, {req.phase}, {word}, {req.status}", apache.APLOG_NOTICE)
    return apache.OK


def declining(req: apache.Request) -> int:
    req.log_error("declining", apache.APLOG_NOTICE)
    try:
        req.write("is for nobody")
    except RuntimeError as error:
        req.log_error(str(error), apache.APLOG_NOTICE)
    return apache.DECLINED


def failing(req: apache.Request) -> int:
    raise LookupError("at the very end")


def fails(req: apache.Request) -> int:
    def cleanup(data: object) -> None:
        raise LookupError(f"in a cleanup with {data}")

    req.register_cleanup(cleanup, "data")
    return apache.OK


def wrong(req: apache.Request) -> int:
    try:
        req.register_cleanup("no function")  # type: ignore[arg-type]
    except ValueError as error:
        req.write(str(error))
    return apache.OK


def child(req: apache.Request) -> int:
    def ends(data: object) -> None:
        apache.log_error(f"child ends: {data}", apache.APLOG_NOTICE)

    req.server.register_cleanup(req, ends, "one")
    apache.main_server.register_cleanup(req, ends, "two")
    return apache.OK
