"""Work in the background, and a page that shows how far it is."""

import threading
import time
import uuid

from mod_python import apache


def work(job: str, steps: int) -> None:
    """Do something that takes long."""
    for step in range(1, steps + 1):
        time.sleep(0.05)
        apache.cache("progress").set(job, [step, steps])


def start(req: apache.AsyncRequest) -> int:
    """Start a piece of work, and send the client to its page."""
    if req.method != "POST":
        return apache.HTTP_METHOD_NOT_ALLOWED
    steps = int(req.form().getfirst("steps", "20"))
    if not 0 < steps <= 1000:
        return apache.HTTP_BAD_REQUEST
    job = uuid.uuid4().hex
    apache.cache("progress").set(job, [0, steps])
    threading.Thread(target=work, args=(job, steps), daemon=True).start()
    req.headers_out["Location"] = f"{req.uri.removesuffix('start')}?job={job}"
    return apache.HTTP_SEE_OTHER


async def events(req: apache.AsyncRequest) -> int:
    """Send an event for each step, the last one with a type of its own."""
    job = req.args.removeprefix("job=") if req.args else ""
    seen = None
    async with apache.sse(req) as stream:
        while not stream.closing:
            now = apache.cache("progress").get(job)
            if now is None:
                await stream.send("there is no such work", event="done")
                break
            if now != seen:
                seen = now
                await stream.send(f"{now[0]} of {now[1]}", event="done" if now[0] == now[1] else None)
            if now[0] == now[1]:
                break
            await req.sleep(0.02)
    return apache.OK
