"""A page whose users httpd checks by a token, with rules of access of its own."""

from mod_python import apache

PASSWORDS = {"alice": "wonderland", "bob": "builder"}


def authenhandler(req: apache.Request) -> int:
    if "X-Token" not in req.headers_in:
        return apache.HTTP_UNAUTHORIZED
    req.user = req.headers_in["X-Token"]
    return apache.OK


def listed(req: apache.Request) -> str:
    return f"for {req.user}"


def called(req: apache.Request) -> str:
    return f"for {req.user}"


def constant(req: apache.Request) -> str:
    return f"for {req.user}"


def both(req: apache.Request) -> str:
    return f"for {req.user}"


class Held:
    __access__ = ("alice",)

    def inner(self, req: apache.Request) -> str:
        return f"for {req.user}"


held = Held()
listed.__access__ = ["alice"]
called.__access__ = lambda _, user: user == "alice"
constant.__auth__ = True
constant.__access__ = ["alice"]
both.__auth__ = PASSWORDS
both.__access__ = ["alice"]
