"""Authentication and authorization."""

from mod_python import apache

PASSWORDS = {"ann": "secret", "eve": "apple"}


def authenhandler(req: apache.Request) -> int:
    "Basic, with the header read by hand."
    import base64

    kind, _, coded = req.headers_in.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return apache.HTTP_UNAUTHORIZED
    user, _, password = base64.b64decode(coded).decode().partition(":")
    if PASSWORDS.get(user) != password:
        return apache.HTTP_UNAUTHORIZED
    req.user = user
    req.ap_auth_type = "Basic"
    return apache.OK


def by_header(req: apache.Request) -> int:
    "What no module of httpd knows."
    if user := req.headers_in.get("X-User"):
        req.user, req.ap_auth_type = user, "X"
        return apache.OK
    req.err_headers_out["WWW-Authenticate"] = 'X realm="by header"'
    return apache.HTTP_UNAUTHORIZED


def no_user(req: apache.Request) -> int:
    return apache.OK


def decline(req: apache.Request) -> int:
    return apache.DECLINED


def not_eve(req: apache.Request) -> int:
    return apache.HTTP_FORBIDDEN if req.user == "eve" else apache.DECLINED


def settle(req: apache.Request) -> int:
    return apache.OK


def inside_only(req: apache.Request) -> int:
    return apache.OK if "inside" in (req.args or "") else apache.HTTP_FORBIDDEN


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write(f"{req.user} by {req.ap_auth_type}", flush=False)
    return apache.OK


def refuse(req: apache.Request) -> int:
    return apache.HTTP_UNAUTHORIZED


def told(req: apache.Request) -> int:
    assert req.prev is not None
    req.write(f"a page for {req.prev.status}", flush=False)
    return apache.OK
