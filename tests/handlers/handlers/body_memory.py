"""A handler that reads its body in pieces."""

from mod_python import apache


async def handler(req: apache.AsyncRequest) -> int:
    total = 0
    async for piece in req:
        total += len(piece)
    text = str(total)
    req.set_content_length(len(text))
    await req.write(text)
    return apache.OK
