"""Filters, handlers and cleanups that add themselves."""

from typing import Any

from mod_python import apache


def outputfilter(filter: Any) -> None:
    """Add itself at each call."""
    filter.req.add_output_filter(filter.name)
    while data := filter.read():
        filter.write(data)


def late_outputfilter(filter: Any) -> None:
    """Add itself, and step out."""
    filter.req.add_output_filter(filter.name)
    filter.disable()


def inputfilter(filter: Any) -> None:
    filter.req.add_input_filter(filter.name)
    while data := filter.read():
        filter.write(data)


def reads(req: Any) -> int:
    req.write(req.read())
    return apache.OK


def registered(req: Any) -> int:
    """A filter of a name that is registered at run time, which adds itself."""
    req.register_output_filter("AGAIN", outputfilter)
    req.add_output_filter("AGAIN")
    req.write("body", flush=False)
    return apache.OK


def _marks(filter: Any) -> None:
    while (data := filter.read()) is not None:
        filter.write(data)
        if not data:
            return
    filter.write(".")


def many(req: Any) -> int:
    """As many filters as asked for."""
    req.register_output_filter("MARKS", _marks)
    said = ""
    for _ in range(int(req.args)):
        try:
            req.add_output_filter("MARKS")
        except ValueError as error:
            said = str(error)
            break
    req.write(said, flush=False)
    req.write(" ", flush=False)
    return apache.OK


def _last(filter: Any) -> None:
    filter.write("the last one")
    filter.disable()


def registers(req: Any) -> int:
    """Filters of so many names, each registered a thousand times."""
    said = ""
    for number in range(int(req.args)):
        try:
            for function in [_marks] * 999 + [_last]:
                req.register_output_filter(f"NAME{number}", function)
        except ValueError as error:
            said = str(error)
            break
    req.add_output_filter("NAME0")
    req.write(f"{said} ", flush=False)
    return apache.OK


class _Registers:
    """What registers a filter when it goes."""

    def __init__(self, req: Any) -> None:
        self.req = req

    def __call__(self, filter: Any) -> None:
        filter.pass_on()

    def __del__(self) -> None:
        self.req.register_output_filter("GOING", _marks)


def going(req: Any) -> int:
    """Functions that register another filter when theirs is replaced."""
    for _ in range(10):
        req.register_output_filter("GOING", _Registers(req))
    req.register_output_filter("GOING", _last)
    req.add_output_filter("GOING")
    req.write("", flush=False)
    return apache.OK


def handler(req: Any) -> int:
    """A handler that adds itself."""
    req.add_handler("PythonHandler", handler)
    return apache.OK


def _cleanup(req: Any) -> None:
    req.register_cleanup(_cleanup, req)


def cleans(req: Any) -> int:
    req.register_cleanup(_cleanup, req)
    req.write("cleaned")
    return apache.OK


def names(req: Any) -> int:
    """Say what each name is answered with."""
    for name in req.args.split(";"):
        for add in (req.add_output_filter, req.add_input_filter):
            try:
                add(name.replace("%20", " "))
            except ValueError as error:
                req.write(f"{error}\n", flush=False)
    req.write("end", flush=False)
    return apache.OK
