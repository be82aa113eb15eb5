"""Objects of httpd abused by generated Python, in every phase, in filters and in connection handlers."""

import base64
import contextlib
import random
import socket
import threading
import zlib

from httpd import Httpd
from tests.fuzz.answers import MOST, Answer, Enough, Fault, Garbage, Reader
from tests.fuzz.programs import Writer, function
from tests.fuzz.watch import CANARY, SLOWEST, Watch

_PHASES = "HeaderParser Access Type Fixup Log Cleanup".split()
_NAMES = {"Type": "type_", "HeaderParser": "header_parser"}
CONF = f"""
<IfModule !mpm_prefork_module>
ServerLimit 1
MaxRequestWorkers 16
</IfModule>
Timeout 3
KeepAliveTimeout 3
LimitRequestFieldSize 65536
LogLevel info python:debug
PythonInterpreter programs
PythonOption sparse ${{STATE}}/sparse
PythonPostReadRequestHandler generated::post_read_request
PythonTransHandler generated::translate
PythonOutputFilter generated::outputfilter FZOUT
PythonOutputFilter generated::outputstream FZSTREAM
PythonInputFilter generated::inputfilter FZIN
PythonInputFilter generated::inputstream FZINSTREAM
<LocationMatch "^/(fz|static)">
    {"".join(f"Python{name}Handler generated::{_NAMES.get(name, name.lower())}{chr(10)}    " for name in _PHASES)}
    SetOutputFilter FZSTREAM;FZOUT
    SetInputFilter FZIN;FZINSTREAM
</LocationMatch>
<Location "/fz">
    SetHandler mod_python
    PythonHandler generated::handler
</Location>
<Location "/fz/deflate">
    SetOutputFilter FZSTREAM;DEFLATE;FZOUT
    SetInputFilter DEFLATE;FZIN
</Location>
<Location "/fz/auth">
    AuthType Basic
    AuthName programs
    PythonAuthenHandler generated::authen
    PythonAuthzHandler generated::authz
    Require valid-user
</Location>
{CANARY}
Listen 127.0.0.1:${{PLAIN_PORT}}
<VirtualHost *:${{PLAIN_PORT}}>
    PythonConnectionHandler generated::connection
</VirtualHost>
Listen 127.0.0.1:${{WAITING_PORT}}
<VirtualHost *:${{WAITING_PORT}}>
    PythonConnectionHandler generated::waiting
</VirtualHost>
"""
# Where a part of a program runs: the function's name, and what `it` is.
_PLACES = {"handler": "req", "output": "filter", "input": "filter", "outputstream": "filter", "inputstream": "filter"}
_PLACES |= dict.fromkeys(
    "post_read_request translate header_parser access type_ fixup log cleanup authen authz".split(), "req"
)
_STREAM = ["async for piece in it: yield piece", "yield await it.body(100000)", "yield await it.read(5)", "yield 5"]
_STREAM += ["async for piece in it.buckets(): yield piece", "async for piece in it.lines(): keep(it); yield piece"]
_STREAM += ["async for piece in it.buckets(): keep(piece); in_thread(piece.read); yield piece", "yield apache.FLUSH"]
_STREAM += ["async for piece in it.replace({'a': 'b'}): yield piece", "it.pass_on()", "yield await it.peek(7)"]
_STREAM += ["yield apache.FileBucket(__file__)", "yield kept(3, 'Bucket')", "return"]
_PATHS = ["/fz/x", "/fz/x?a=b", "/fz/deflate", "/fz/auth", "/static.txt", "/fz/canary"]


def prepare(httpd: Httpd) -> None:
    """Make the files that programs ask for."""
    httpd.write("static.txt", "a line of a file\n" * 1000)
    sparse = httpd.state / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 43)
    sparse.chmod(0o644)


def write(chance: random.Random) -> str:
    """Return a program for a request."""
    places = chance.sample(list(_PLACES), chance.choice([1, 1, 2, 3, 5]))
    text = []
    for place in places:
        writer, is_stream = Writer(chance, _PLACES[place]), place.endswith("stream")
        lines = writer.lines(8, awaited=is_stream)
        if is_stream:
            for _ in range(chance.randint(1, 3)):
                lines.insert(chance.randint(0, len(lines)), chance.choice(_STREAM))
            lines.append("if 0: yield b''")
        elif place in ("output", "input") and chance.random() < 0.7:
            lines.append("while data := it.read(): it.write(data)")
        else:
            lines.append(writer.end())
        text.append(function(f"on_{place}", lines, is_async=is_stream))
    return "".join(text)


def write_connection(chance: random.Random, name: str) -> str:
    """Return a program for a connection."""
    writer, waits = Writer(chance, "conn"), name == "waiting"
    lines = writer.lines(10, awaited=waits)
    return function(f"on_{name}", [*lines, writer.end()], is_async=waits)


def pack(text: str) -> bytes:
    """Return a program as it goes over the wire."""
    return base64.b64encode(zlib.compress(text.encode("ascii"), 1))


def case(httpd: Httpd, watch: Watch, chance: random.Random) -> str:
    """Run two programs at once, and look at what they leave; return their text."""
    programs: list[tuple[str, str]] = []
    for _ in range(chance.choice([1, 2, 2])):
        kind = chance.choice(["request"] * 8 + ["connection", "waiting"])
        programs.append((kind, write(chance) if kind == "request" else write_connection(chance, kind)))
    seeds = [chance.random() for _ in programs]
    said: list[BaseException] = []

    def talk(number: int) -> None:
        kind, text = programs[number]
        try:
            if kind == "request":
                ask(httpd, watch, text, random.Random(seeds[number]))
            else:
                connect(httpd, kind, text)
        except BaseException as error:
            said.append(error)

    text = "\n".join(f"# {kind}\n{program}" for kind, program in programs)
    threads = [threading.Thread(target=talk, args=[number]) for number in range(len(programs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        if said:
            raise said[0]
        watch.check()
    except Fault as fault:
        raise Fault(f"{fault}\n\n{text}") from fault
    return text


def ask(httpd: Httpd, watch: Watch, text: str, chance: random.Random) -> None:
    """Send a request with a program, and a canary behind it on the same connection."""
    method = chance.choice(["GET", "POST", "POST", "HEAD", "PUT"])
    body = b"" if method in ("GET", "HEAD") else chance.choice([b"", b"a line\n" * 500, b"x" * 70000])
    path, token = chance.choice(_PATHS), watch.token()
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"X-Program: {pack(text).decode()}"]
    if chance.random() < 0.5:
        framed = [f"Content-Length: {len(body)}"], body
    else:
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
        framed = ["Transfer-Encoding: chunked"], b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in [*pieces, b""])
    data = "\r\n".join([*head, *framed[0], "", ""]).encode() + framed[1]
    canary = f"GET /canary?{token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    takes = ".connection" in text  # it may take the connection from HTTP, and then read until its end
    with httpd.connect(timeout=SLOWEST) as client:
        with contextlib.suppress(ConnectionError):  # it may answer before it has read all
            client.sendall(data + canary)
            if takes:
                client.shutdown(socket.SHUT_WR)
        try:
            follow(Reader(client), method, token, raw=takes or "assbackwards" in text)
        except Enough:
            pass
        except TimeoutError:
            raise Fault(f"no answer to {method} {path} within {SLOWEST} s, nor an end\n{watch.stacks()}") from None
        except Garbage as fault:
            raise Garbage(f"{method} {path}: {fault}") from None


def follow(reader: Reader, method: str, token: str, *, raw: bool) -> None:
    """Read an answer, whatever it is, and then the canary's or the end: nothing else may come."""
    second: Answer | None = None
    try:
        first = reader.response(method)
        if first is None or not first.whole:
            return
        second = reader.response()
    except Garbage:
        # What is no response of HTTP ends with its connection. It may have the request of the canary.
        if raw and token.encode() not in reader.rest().replace(b"/canary?" + token.encode(), b""):
            return
        raise
    if second is not None and second.whole and (second.status, second.body) != (200, token.encode()):
        raise Garbage(f"behind a response {first.status} with {len(first.body)} bytes came {second!r}")
    if left := reader.rest():
        raise Garbage(f"behind the canary came {left[:200]!r}")


def connect(httpd: Httpd, kind: str, text: str) -> None:
    """Run a program as a connection handler."""
    with httpd.connect(httpd.port_of(f"{kind.replace('connection', 'plain').upper()}_PORT"), timeout=SLOWEST) as client:
        try:
            client.sendall(pack(text) + b"\n" + b"a line\n" * 300)
            client.shutdown(socket.SHUT_WR)
            count = 0
            while (data := client.recv(1 << 16)) and count < MOST:
                count += len(data)
        except ConnectionError:
            pass
        except TimeoutError:
            raise Fault(f"the connection did not end within {SLOWEST} s") from None
