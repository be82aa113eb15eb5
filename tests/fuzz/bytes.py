"""Raw bytes at HTTP and at the protocols that are shipped: echo, finger, resp and smtp."""

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable

from httpd import Httpd
from tests.fuzz.answers import Enough, Fault, Garbage, Reader
from tests.fuzz.watch import CANARY, SLOWEST, Watch

PROTOCOLS = ["echo", "finger", "resp", "smtp"]
_HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler mod_python.protocols.#
    PythonOption finger_folder ${STATE}/people
    PythonOption resp_database ${STATE}/resp.sqlite
    PythonOption resp_longest 100000
    PythonOption resp_most 2000000
    PythonOption smtp_maildir ${STATE}/mail/%
    PythonOption smtp_domains example.org
    PythonOption smtp_size 100000
</VirtualHost>
"""
CONF = f"""
<IfModule !mpm_prefork_module>
ServerLimit 1
MaxRequestWorkers 16
</IfModule>
Timeout 2
KeepAliveTimeout 2
LogLevel info python:debug
PythonInterpreter programs
PythonOutputFilter streaming_filters::identity UNCHANGED
PythonInputFilter input_filters::unchanged UNCHANGED_IN
<Location "/echo">
    SetHandler mod_python
    PythonHandler body_readers::echo
</Location>
<Location "/echo/filtered">
    SetOutputFilter UNCHANGED
    SetInputFilter UNCHANGED_IN
</Location>
<Location "/file">
    SetOutputFilter UNCHANGED
</Location>
<Location "/proxy">
    ProxyPass http://127.0.0.1:${{PORT}}/echo
    SetOutputFilter UNCHANGED
    SetInputFilter UNCHANGED_IN
</Location>
<Location "/forbidden">
    PythonAccessHandler canary::refuse
    SetInputFilter UNCHANGED_IN
</Location>
{CANARY}
{"".join(_HOST.replace("@", name.upper()).replace("#", name) for name in PROTOCOLS)}
"""
SECRET = b"the-secret-of-this-run"
_BYTES = [bytes([number]) for number in range(256)]
_JUNK = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b":",
    b"\xff" * 9,
    b"%00",
    b"%",
    b"../",
    b"0",
    b"-1",
    b"9" * 25,
    b"A" * 9000,
]
_HTTP = [
    b"GET /echo?x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /echo/filtered HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"PUT /proxy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"HEAD /file/a.txt HTTP/1.0\r\nConnection: keep-alive\r\nRange: bytes=1-2,4-\r\n\r\n",
    b'GET /file/a.txt HTTP/1.1\r\nHost: [::1]:80\r\nIf-None-Match: "x"\r\nAccept-Encoding: gzip;q=0.5\r\n\r\n',
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    b'GET http://localhost/forbidden HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dTpw\r\nCookie: a=b; c="d"\r\n\r\n',
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
]
_WORDS = {
    "finger": [b"alice\r\n", b"/W alice\r\n", b"\r\n", b"bob@example.org\r\n", b"/W\r\n", b"a" * 600, b"al ice\r\n"],
    "echo": [b"x", b"line\r\n", b"y" * 70000, b"\0" * 100],
    "resp": [
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nbc\r\n",
        b"GET a\r\n",
        b"KEYS *\r\n",
        b"SCAN 0\r\n",
        b"MGET a b c\r\n",
        b"INCR n\r\n",
        b"DEL a\r\n",
        b"EXPIRE a 5\r\n",
        b"TTL a\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"$5\r\n",
        b"*1000000\r\n",
        b"SET big " + b"v" * 50000 + b"\r\n",
        b"KEYS " + b"*a" * 500 + b"\r\n",
        b"HELLO 3\r\n",
        b"MULTI\r\n",
        b"*2\r\n$4\r\nKEYS\r\n$5\r\n[a-\\]\r\n",
        b"SETEX a 1 b\r\n",
        b"APPEND a \xff\xfe\r\n",
        b"QUIT\r\n",
        b"CLIENT LIST\r\n",
    ],
    "smtp": [
        b"EHLO x\r\n",
        b"HELO \xff\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"MAIL FROM:<> SIZE=99999999999999999999\r\n",
        b"DATA\r\n",
        b"RCPT TO:<alice@example.org>\r\n",
        b"RCPT TO:<" + b"\xf0\x9f\x98\x80" * 64 + b"@example.org>\r\n",
        b".\r\n",
        b"..\r\n",
        b"Subject: x\r\n\r\nbody\r\n.\r\n",
        b"BDAT 5 LAST\r\nhello",
        b"BDAT -1\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY a\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN AGEAYg==\r\n",
        b"AUTH PLAIN\r\n",
        b"\xff\r\n",
        b"x" * 2000 + b"\r\n",
        b"QUIT\r\n",
        b"\n.\n",
        b"RCPT TO:<../../../x@example.org>\r\n",
        b"RCPT TO:<" + b"a" * 300 + b"@example.org>\r\n",
    ],
}


def prepare(httpd: Httpd) -> None:
    """Make the files that are asked for, and one that nobody may see."""
    httpd.write("file/a.txt", "the text of a file\n" * 50)
    httpd.write("forbidden", SECRET)
    people = httpd.state / "people"
    people.mkdir(exist_ok=True)
    (people / "alice.txt").write_text("Alice\nnothing to tell\n")
    people.chmod(0o755)


def case(httpd: Httpd, watch: Watch, chance: random.Random) -> str:
    """Some connections at once, of which one is HTTP's or of a protocol each."""
    told: list[str] = []
    wrong: list[str] = []

    def talk(name: str, data: bytes, seed: float) -> None:
        try:
            _TALKS[name](httpd, watch, data, random.Random(seed))
        except Fault as fault:
            wrong.append(f"{name}: {fault}\nsent: {data!r:.5000}")

    threads = []
    for _ in range(chance.choice([1, 3, 8])):
        name = chance.choice(["http", "http", *PROTOCOLS])
        words = _HTTP if name == "http" else _WORDS[name]
        data = mutated(chance, b"".join(chance.choice(words) for _ in range(chance.choice([1, 2, 5, 20]))))
        told.append(f"{name}: {data!r:.300}")
        threads.append(threading.Thread(target=talk, args=[name, data, chance.random()]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        if wrong:
            raise Fault("\n".join(wrong))
        watch.check()
        honest(httpd)
    except Fault as fault:
        raise Fault(f"{fault}\n" + "\n".join(told)) from fault
    return "\n".join(told)


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Return the bytes with some of them changed."""
    new = bytearray(data)
    for _ in range(chance.choice([0, 0, 1, 2, 5, 30])):
        at = chance.randint(0, len(new))
        match chance.randrange(5):
            case 0:
                new[at : at + 1] = chance.choice(_BYTES)
            case 1:
                new[at:at] = chance.choice(_JUNK)
            case 2:
                del new[at : at + chance.choice([1, 2, 10, 100])]
            case 3:
                end = chance.randint(0, len(new))
                new[at:at] = new[end : end + chance.choice([1, 10, 100])]
            case 4:
                new[at : at + 1] = bytes(byte ^ (1 << chance.randrange(8)) for byte in new[at : at + 1])
    return bytes(new)


def _send(client: socket.socket, data: bytes, chance: random.Random) -> bool:
    """Send it in pieces; answer whether there is something to read, since we have not reset the connection."""
    places = sorted(chance.randint(0, len(data)) for _ in range(chance.choice([0, 0, 1, 5])))
    with contextlib.suppress(ConnectionError):
        for start, stop in zip([0, *places], [*places, len(data)], strict=True):
            client.sendall(data[start:stop])
            if places:
                time.sleep(0.002)
    end = chance.random()
    with contextlib.suppress(OSError):
        if end < 0.1:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if end < 0.98:
            client.shutdown(socket.SHUT_WR)
    return True


def _http(httpd: Httpd, watch: Watch, data: bytes, chance: random.Random) -> None:
    """All that comes back are responses, whatever was sent; and none of them has the secret."""
    with httpd.connect(timeout=SLOWEST) as client:
        if not _send(client, data, chance):
            return
        reader = Reader(client)
        # Which response is to a HEAD, or has no head at all (HTTP/0.9), nobody can tell from broken requests.
        is_plain = not any(word in data.upper() for word in (b"HEAD", b"PRI ", b"H2C"))
        try:
            if not is_plain:
                if SECRET in reader.rest():
                    raise Fault("the secret came")
                return
            while (answer := reader.response()) is not None:
                if SECRET in answer.body:
                    raise Fault("the secret came")
                if not answer.whole or answer.status == 101:
                    break
        except Enough:
            pass
        except Garbage as garbage:
            if "<!DOCTYPE" not in str(garbage) and "hello" not in str(garbage):
                raise
            # httpd answers what has no version, or one that it does not know, as HTTP/0.9: without a head.
            if b"HTTP/1.1 200 OK" in reader.rest():
                raise
        except TimeoutError:
            raise Fault(f"no end within {SLOWEST} s\n{watch.stacks()}") from None


def _protocol(name: str) -> Callable[[Httpd, Watch, bytes, random.Random], None]:
    def talk(httpd: Httpd, watch: Watch, data: bytes, chance: random.Random) -> None:
        with httpd.connect(httpd.port_of(f"{name.upper()}_PORT"), timeout=SLOWEST) as client:
            got = bytearray()

            def receive() -> None:
                with contextlib.suppress(ConnectionError):
                    while (piece := client.recv(1 << 16)) and len(got) < 8 << 20:
                        got.extend(piece)

            late: list[str] = []

            def receiving() -> None:
                try:
                    receive()
                except TimeoutError:
                    late.append(f"no end within {SLOWEST} s\n{watch.stacks()}")
                except OSError:
                    pass  # closed by us

            reader = threading.Thread(target=receiving)
            reader.start()
            if not _send(client, data, chance):
                client.close()
                reader.join()
                return
            reader.join()
            if late:
                raise Fault(late[0])
            if name == "echo" and not data.startswith(got):
                raise Fault(f"echo answered {bytes(got[:300])!r}")

    return talk


_TALKS = {"http": _http, **{name: _protocol(name) for name in PROTOCOLS}}
_HONEST = {
    "echo": (b"hello", b"hello"),
    "finger": (b"alice\r\n", b"Alice\r\n"),
    "resp": (b"PING\r\n", b"+PONG\r\n"),
    "smtp": (b"NOOP\r\n", b"220 "),
}


def honest(httpd: Httpd) -> None:
    """Raise `Fault` unless each protocol answers who speaks it."""
    for name, (said, expected) in _HONEST.items():
        with httpd.connect(httpd.port_of(f"{name.upper()}_PORT"), timeout=SLOWEST) as client:
            try:
                client.sendall(said)
                answer = b""
                while len(answer) < len(expected) and (piece := client.recv(1000)):
                    answer += piece
            except OSError as error:
                raise Fault(f"{name} does not answer: {error!r}") from None
        if not answer.startswith(expected):
            raise Fault(f"{name} answers {answer!r}")
