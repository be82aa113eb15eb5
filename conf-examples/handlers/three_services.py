"""A page from three services that are asked at once, each for as long as the page is willing to wait."""

import asyncio

from mod_python import apache

SERVICES = {"weather": "sunny", "traffic": "slow", "news": "none"}


async def ask(name: str, port: int, patience: float) -> str:
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET /services/{name} HTTP/1.0\r\n\r\n".encode())
                _, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
    except (TimeoutError, OSError):
        return f"{name}: no answer\n"
    return f"{name}: {body.decode()}\n"


@apache.aio
async def handler(req: apache.AsyncRequest) -> int:
    port, patience = req.connection.local_addr[1], float(req.args or 5)
    req.content_type = "text/plain"
    for line in await asyncio.gather(*(ask(name, port, patience) for name in SERVICES)):
        await req.write(line)
    return apache.OK


async def service(req: apache.AsyncRequest) -> int:
    await req.sleep(0.3)  # it has much to do
    req.content_type = "text/plain"
    await req.write(SERVICES[req.uri.rpartition("/")[2]])
    return apache.OK
