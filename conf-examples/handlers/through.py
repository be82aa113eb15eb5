"""A proxy that hands the response of another server on as it comes."""

import asyncio

from mod_python import apache

# Headers that are about one connection, not about the response (RFC 9110, section 7.6.1).
OF_CONNECTION = {"connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"}

Response = tuple[int, list[tuple[str, str]], asyncio.StreamReader, asyncio.StreamWriter]


async def ask(host: str, port: str, target: str) -> Response:
    """Send a GET, and return the response once its head has come. Runs on asyncio's loop."""
    reader, writer = await asyncio.open_connection(host, int(port), limit=65536)
    # A response of HTTP/1.0 comes in no chunks, and ends with its connection.
    writer.write(f"GET {target} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode("latin-1"))
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]
    return int(first.split()[1]), headers, reader, writer


async def end(writer: asyncio.StreamWriter) -> None:
    """Close the connection. Runs on asyncio's loop."""
    writer.close()


async def handler(req: apache.AsyncRequest) -> int:
    """Answer with what the server in PythonOption through.server answers."""
    if req.method != "GET":
        return apache.HTTP_METHOD_NOT_ALLOWED
    host, _, port = req.get_options()["through.server"].rpartition(":")
    try:
        status, headers, reader, writer = await apache.aio(ask(host, port, req.unparsed_uri))
    except (OSError, EOFError, ValueError, IndexError) as error:
        req.log_error(f"{host}:{port} does not answer: {error!r}", apache.APLOG_WARNING)
        return apache.HTTP_BAD_GATEWAY
    try:
        req.status = status
        for name, value in headers:
            if name.lower() == "content-type":
                req.content_type = value
            elif name.lower() == "content-length":
                req.set_content_length(int(value))
            elif name.lower() not in OF_CONNECTION:
                req.headers_out.add(name, value)
        while piece := await apache.aio(reader.read(16384)):
            await req.write(piece)
    finally:
        await apache.aio(end(writer))
    return apache.OK


async def ticks(req: apache.AsyncRequest) -> int:
    """Be the other server: send a line now and then."""
    req.content_type = "text/plain"
    for number in range(3):
        await req.write(f"tick {number}\n")
        await req.sleep(0.2)
    return apache.OK
