"""Every phase does a little of what handlers do: attributes, tables, added handlers, cleanups."""

from mod_python import apache


def postreadrequesthandler(req: apache.Request) -> int:
    req.notes["read"] = "yes"
    return apache.DECLINED


def transhandler(req: apache.Request) -> int:
    return apache.DECLINED


def inithandler(req: apache.Request) -> int:
    req.add_handler("PythonFixupHandler", added)
    req.register_cleanup(nothing, req)
    return apache.OK


def added(req: apache.Request) -> int:
    req.subprocess_env["ADDED"] = str(req.phase)
    return apache.OK


def nothing(req: apache.Request) -> None:
    assert req.phase is None


def headerparserhandler(req: apache.Request) -> int:
    req.kept = [req, req.headers_in]  # a circle, which the garbage collector must open
    return apache.OK


def accesshandler(req: apache.Request) -> int:
    return apache.OK if req.get_config() is not None else apache.HTTP_FORBIDDEN


def authenhandler(req: apache.Request) -> int:
    user = req.headers_in.get("X-User")
    if not user:
        req.err_headers_out["WWW-Authenticate"] = "Soak"
        return apache.HTTP_UNAUTHORIZED
    req.user = user
    return apache.OK


def authzhandler(req: apache.Request) -> int:
    return apache.OK


def typehandler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    return apache.DECLINED


def fixuphandler(req: apache.Request) -> int:
    return apache.DECLINED


def handler(req: apache.Request) -> int:
    if req.uri.endswith("missing"):
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    req.write(f"{req.uri} {req.user} {len(req.headers_in)}\n", flush=False)
    return apache.OK


def loghandler(req: apache.Request) -> int:
    return apache.OK if req.bytes_sent >= 0 else apache.DONE


def cleanuphandler(req: apache.Request) -> int:
    return apache.OK
