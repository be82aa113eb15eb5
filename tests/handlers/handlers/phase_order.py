"""Every phase, each of which tells the log that it ran and for which request."""

from mod_python import apache


def tell(req: apache.Request) -> None:
    kind = "sub" if req.main else "redirected" if req.prev else "main"
    req.log_error(f"ran {req.phase} of {kind} {req.uri}", apache.APLOG_NOTICE)


def inithandler(req: apache.Request) -> int:
    tell(req)
    return apache.OK


def transhandler(req: apache.Request) -> int:
    tell(req)
    return apache.DECLINED


def authenhandler(req: apache.Request) -> int:
    tell(req)
    if req.headers_in.get("X-User") is None:
        return apache.HTTP_UNAUTHORIZED
    req.user = req.headers_in["X-User"]
    req.ap_auth_type = "X"
    return apache.OK


def handler(req: apache.Request) -> int:
    tell(req)
    if req.uri.endswith("missing"):
        return apache.HTTP_NOT_FOUND
    req.content_type = "text/plain"
    req.write(f"{req.uri} for {req.user}", flush=False)
    return apache.OK


postreadrequesthandler = headerparserhandler = accesshandler = fixuphandler = loghandler = cleanuphandler = inithandler
authzhandler = inithandler
typehandler = transhandler
