"""Functions of PythonAuthProvider and Require python, and a page that says who was let in."""

import hashlib
import time
from pathlib import Path
from typing import Any

from mod_python import Session, apache

PASSWORDS = {"ann": "secret", "eve": "apple", "zoë": "grüße", "long": "x" * 80}
GROUPS = {"ann": {"editors", "staff"}, "eve": {"staff"}}
asked: list[str] = []
kept: list[Any] = []


def page(req: apache.Request) -> int:
    "Who came in, and which functions were asked for it."
    req.write(f"{req.user} by {req.ap_auth_type}")
    return apache.OK


def count(req: apache.Request) -> int:
    "How often check_password() and get_realm_hash() were called since the last look."
    req.write(str(len(asked)))
    asked.clear()
    return apache.OK


def check_password(req: apache.Request, user: str, password: str) -> bool | None:
    asked.append(user)
    assert req.user == user or user == "zoë"
    if user not in PASSWORDS:
        return None
    return PASSWORDS[user] == password


def get_realm_hash(req: apache.Request, user: str, realm: str) -> str | bool | None:
    asked.append(user)
    if user == "refused":
        return False
    if user == "odd":
        return "no hash"
    if user.startswith("status="):
        raise apache.SERVER_RETURN(int(user.removeprefix("status=")))
    if user not in PASSWORDS:
        return None
    return hashlib.md5(f"{user}:{realm}:{PASSWORDS[user]}".encode()).hexdigest().upper()


class Desk:
    "Made for each call, with the request."

    def __init__(self, req: apache.Request) -> None:
        self.wanted = req.get_options().get("desk", "pass")

    def check_password(self, _req: apache.Request, _user: str, password: str) -> bool:
        return password == self.wanted


desk = Desk.__new__(Desk)
desk.wanted = "made once"


RESULTS: dict[str, object] = {
    "1": 1,
    "0": 0,
    "text": "yes",
    "empty": "",
    "list": [],
    "ok": apache.OK,
    "forbidden": apache.HTTP_FORBIDDEN,
    "unauthorized": apache.HTTP_UNAUTHORIZED,
    "teapot": 418,
}


class Odd:
    "Answers with what a password names."

    def __init__(self, req: apache.Request) -> None: ...

    def check_password(self, req: apache.Request, _user: str, password: str) -> object:
        if password == "raise":
            raise KeyError("the database is away")
        if password == "return":
            raise apache.SERVER_RETURN(apache.OK)
        if password.startswith("status="):
            raise apache.SERVER_RETURN(int(password.removeprefix("status=")))
        if password == "async":
            return self._later()
        if password == "write":
            req.write("come in")
        if password == "redirect":
            req.internal_redirect("/count")
        if password == "take":
            req.connection.write("come in")
        if password == "keep":
            kept[:] = [req]
            req.err_headers_out["X-Kept"] = "yes"
            return True
        if password == "exit":
            raise SystemExit
        return RESULTS[password]

    async def _later(self) -> bool:
        return True


def odd(req: apache.Request, *names: str) -> object:
    "The same for Require."
    return Odd(req).check_password(req, "", (req.args or (names and names[0]) or "").removesuffix("+"))


def by_form(req: apache.Request) -> bool:
    "A rule about a field of a form."
    return bool(req.form().getfirst("key") == "gold")


def by_session(req: apache.Request) -> bool:
    "A rule that keeps the session until the end of the request."
    req.session = Session.Session(req)
    req.session.save()
    return True


def waits(req: apache.Request) -> int:
    "Waits for a file."
    if req.args:
        apache.log_error(f"guards: waits for {req.args}", apache.APLOG_NOTICE)
        while not Path(req.args).exists():
            time.sleep(0.01)
    return apache.OK


def late(req: apache.Request) -> bool:
    "Adds a handler for a later phase, and says where it runs."
    req.add_handler("PythonFixupHandler", _fixup)
    req.err_headers_out["X-Interpreter"] = req.interpreter
    req.err_headers_out["X-Provider"] = str(req.get_config().get("PythonAuthProvider"))
    return True


def _fixup(req: apache.Request) -> int:
    req.user = "fixed"
    return apache.OK


def marks(req: apache.Request) -> bool:
    "Reads a form, which handlers read as well, and leaves an attribute."
    req.mark = req.form().getfirst("key", "none")
    return bool(req.mark == "gold")


def marked(req: apache.Request) -> int:
    "What `marks` has left."
    req.write(f"{req.mark} {req.form().getfirst('key')}")
    return apache.OK


def kept_request(req: apache.Request) -> int:
    "What a request that a function of another request kept says."
    try:
        req.write(kept[0].uri)
    except RuntimeError as error:
        req.write(type(error).__name__)
    return apache.OK


def in_group(req: apache.Request, *names: str) -> bool:
    "As most write it: without a user, it is False."
    return not GROUPS.get(req.user or "", set()).isdisjoint(names)


def inside(req: apache.Request) -> bool | None:
    "A rule that needs no user."
    return {"in": True, "out": False}.get(req.args or "")


def explicit(req: apache.Request) -> bool | int:
    "Asks for a user by name, or for none."
    if req.args == "never":
        return apache.HTTP_FORBIDDEN
    if req.user is None:
        return apache.HTTP_UNAUTHORIZED
    return req.user == "ann"


def not_secret(req: apache.Request) -> bool:
    "What a listing may show."
    return not req.uri.endswith("secret.txt")


def by_key(req: apache.Request) -> bool:
    "Reads the body, and leaves nothing of it."
    return req.read() == b"the key"
