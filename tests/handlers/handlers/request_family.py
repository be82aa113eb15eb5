"""Requests that belong together: redirects and subrequests."""

import json

from mod_python import apache

seen: list[object] = []


def leave(req: apache.Request) -> int:
    "Fixes something to the request before httpd redirects it (mod_dir, ErrorDocument)."
    req.mine = f"left by {req.uri}"
    return apache.DECLINED


def refuse(req: apache.Request) -> int:
    req.mine = "left by the refusing handler"
    req.headers_in["X-Seen"] = "yes"
    return apache.HTTP_FORBIDDEN


def redirect(req: apache.Request) -> int:
    refuse(req)
    req.status = apache.HTTP_FORBIDDEN
    req.internal_redirect("/why-on-loop")
    return apache.OK


@apache.aio
async def redirect_on_loop(req: apache.AsyncRequest) -> int:
    refuse(req)
    req.status = apache.HTTP_FORBIDDEN
    await req.internal_redirect("/why-on-loop")  # type: ignore[func-returns-value,misc]
    return apache.OK


@apache.aio
async def previous_on_loop(req: apache.AsyncRequest) -> int:
    return previous(req)


@apache.aio
async def part_on_loop(req: apache.AsyncRequest) -> int:
    return part(req)


def logs(req: apache.Request) -> int:
    seen.append(f"{req.uri} {req.next.uri if req.next else None}")
    return apache.OK


def logged(req: apache.Request) -> int:
    req.write(json.dumps(seen))
    return apache.OK


def previous(req: apache.Request) -> int:
    "The ErrorDocument: looks at the request that led to it."
    before = req.prev
    assert before is not None
    seen = {
        "prev": [before.uri, before.status, before.mine, before.headers_in.get("X-Seen")],
        "next": before.next is req,
        "same": req.prev is before,
        "main": req.main,
        "write": dict(before.get_options()),
    }
    req.write(json.dumps(seen), flush=False)
    return apache.OK


def part(req: apache.Request) -> int:
    "Included twice by a page: each is a request of its own, and the page is the same."
    main = req.main
    assert main is not None
    main.count = getattr(main, "count", 0) + 1
    main.notes["parts"] = str(main.count)
    req.write(f"[{main.uri} {main.count} {hasattr(req, 'count')} {main.mine}]", flush=False)
    return apache.OK
