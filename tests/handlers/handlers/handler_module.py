"""A module for PythonHandlerModule: it has the functions of some phases only."""

from mod_python import apache

OTHER = "not a handler"


def headerparserhandler(req: apache.Request) -> int:
    req.notes.add("ran", f"{req.phase} {req.hlist.handler} {req.hlist.silent}")
    return apache.OK


def fixuphandler(req: apache.Request) -> int:
    req.notes.add("ran", f"{req.phase}")
    return apache.OK


def handler(req: apache.Request) -> int:
    req.write(f"{req.notes.get_all('ran')}", flush=False)
    return apache.OK


class Callable:
    "Made with the request, then called with it."

    def __init__(self, req: apache.Request) -> None:
        self.made_with = req

    def __call__(self, req: apache.Request) -> int:
        req.write(f"called, {self.made_with is req}", flush=False)
        return apache.OK


class Derived(Callable):
    pass


class Plain:
    def __init__(self, req: apache.Request) -> None:
        pass


class Outer:
    def __init__(self, req: apache.Request) -> None:
        self.req = req

    class Inner:
        def __init__(self, req: apache.Request) -> None:
            self.req = req

        def show(self, req: apache.Request) -> int:
            req.write(f"inner, {self.req is req}", flush=False)
            return apache.OK
