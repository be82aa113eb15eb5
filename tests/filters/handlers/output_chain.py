"""Output filters that tell who and where they are."""

import sys

from mod_python import apache


def tell(filter: apache.Filter) -> None:
    """Put the filter's name and a count of its calls around the body."""
    if not hasattr(filter, "calls"):
        filter.calls = 0
        filter.write(f"({filter.name} ")
    filter.calls += 1
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write(f" {filter.calls})")


def about(filter: apache.Filter) -> None:
    while filter.read():
        pass
    req = filter.req
    facts = [
        f"name={filter.name}",
        f"handler={filter.handler}",
        f"is_input={filter.is_input}",
        f"closed={filter.closed}",
        f"uri={req.uri}",
        f"phase={req.phase}",
        f"main={req.main is not None}",
        f"same={filter.req is req}",
        f"ip={filter.connection.remote_ip}",
        f"mode={filter.mode}",
        f"option={req.get_options().get('option')}",
        f"path={[entry for entry in sys.path if 'location' in entry]}",
    ]
    filter.write("\n".join(facts))


def here(filter: apache.Filter) -> None:
    _mark(filter, b"here")


def first(filter: apache.Filter) -> None:
    _mark(filter, b"first")


def _mark(filter: apache.Filter, text: bytes) -> None:
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write(b" " + text)


def sub(filter: apache.Filter) -> None:
    """A mark that tells subrequests from others."""
    if not hasattr(filter, "begun"):
        filter.begun = True
        filter.write("{" if filter.req.main else "<")
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write("}" if filter.req.main else ">")


def fail_in_subrequest(filter: apache.Filter) -> None:
    if filter.req.main:
        raise ValueError("in a subrequest")
