"""Generated brigades and failures through generated filters of a real httpd, alone and behind each other."""

import contextlib
import gzip
import random
import zlib

from httpd import Httpd
from tests.fuzz import flow
from tests.fuzz.answers import Answer, Enough, Fault, Garbage, Reader
from tests.fuzz.objects import pack
from tests.fuzz.programs import STATUSES
from tests.fuzz.watch import CANARY, SLOWEST, Watch

# Which function of a program a filter calls.
_CALLED = {"FZOUT": "output", "FZIN": "input", "FZINSTREAM": "inputstream"}
_CHAINS = [
    "FZSTREAM", "FZOUT", "FZSET", "FZPROTO", "FZTRANS", "FZPASS", "FZLITTLE", "BUCKETEER;FZSTREAM", "BUCKETEER;FZOUT",
    "FZSTREAM;FZOUT", "FZOUT;FZSTREAM", "FZSTREAM;DEFLATE", "FZSTREAM;FZSET;FZPROTO", "BUCKETEER;FZPROTO;FZTRANS",
    "BUCKETEER;FZLITTLE;FZOUT;DEFLATE", "FZPASS;FZSTREAM",
]  # fmt: skip
_SOURCES = ["handler", "file", "proxy"]


def _location(number: int, chain: str, source: str) -> str:
    path = f"/{source}/{number}"
    lines = {
        "handler": "SetHandler mod_python\n PythonHandler generated::source",
        "file": "",
        "proxy": "ProxyPass http://127.0.0.1:${PORT}/source",
    }[source]
    alias = f'Alias "{path}" "${{HTDOCS}}"\n' if source == "file" else ""
    inside = f"{lines}\n SetOutputFilter {chain}\n SetInputFilter FZIN;FZINSTREAM"
    return f'{alias}<Location "{path}">\n {inside}\n</Location>\n'


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
PythonOutputFilter generated::outputfilter FZOUT
PythonOutputFilter generated::outputstream FZSTREAM
PythonOutputFilter generated::outputstream FZSET kind=content_set
PythonOutputFilter generated::outputstream FZPROTO kind=protocol
PythonOutputFilter generated::outputstream FZTRANS kind=transcode
PythonOutputFilter generated::outputstream FZPASS on_error=pass
PythonOutputFilter generated::outputstream FZLITTLE held=10
PythonInputFilter generated::inputfilter FZIN
PythonInputFilter generated::inputstream FZINSTREAM
<Location "/source">
    SetHandler mod_python
    PythonHandler generated::source
</Location>
{"".join(_location(number, chain, source) for number, chain in enumerate(_CHAINS) for source in _SOURCES)}
{CANARY}
"""


def prepare(httpd: Httpd) -> None:
    """Make the files that are served."""
    chance = random.Random("files")
    for number in range(20):
        httpd.write(f"body{number}.html", flow.body(chance))


def case(httpd: Httpd, watch: Watch, chance: random.Random) -> str:
    """One request through one chain, and a canary behind it on the same connection."""
    number, source = chance.randrange(len(_CHAINS)), chance.choice(_SOURCES)
    chain = _CHAINS[number].split(";")
    method = (
        chance.choice(["GET", "GET", "POST", "HEAD"]) if source != "file" else chance.choice(["GET", "GET", "HEAD"])
    )
    body = flow.body(chance) if method == "POST" else b""
    flows = {"outputstream": flow.generator, "output": flow.plain, "input": flow.plain, "inputstream": flow.generator}
    called = {_CALLED.get(name, "outputstream") for name in chain if name.startswith("FZ")}
    if method == "POST":
        called |= set(chance.sample(["input", "inputstream"], chance.choice([0, 1, 2])))
    made = [flows[name](chance, f"on_{name}") for name in sorted(called)]
    program = "".join(one.text for one in made)
    status, pieces = chance.choice([200] * 6 + STATUSES[9:30]), chance.choice(["1", "10", "1000", "whole"])
    if source == "file":
        name = f"body{chance.randrange(20)}.html"
        went_in, path = (httpd.htdocs / name).read_bytes(), f"/file/{number}/{name}"
    else:
        went_in = body if method == "POST" else (httpd.htdocs / "body1.html").read_bytes()
        path = f"/{source}/{number}/x?{status}&{pieces}&{chance.choice(['', 'length'])}&{chance.choice(['', 'flush'])}"
    headers = [f"X-Program: {pack(program).decode()}", *chance.choice([[], [], ["Accept-Encoding: gzip"]])]
    if source == "file" and chance.random() < 0.2:
        headers.append(f"Range: bytes={chance.choice(['0-0', '1-5', '-3', '0-1,3-4', '5-'])}")
    told = f"{method} {path} ({';'.join(chain)}) {headers[1:]}\n{program}\nbody of {len(body)} bytes: {body[:100]!r}"
    try:
        answer = _ask(httpd, watch, method, path, headers, body, chance)
        watch.check()
        if answer is not None:
            _judge(answer, made, went_in, method)
    except Fault as fault:
        raise Fault(f"{fault}\n{told}") from fault
    except Enough:
        pass
    return told


def _judge(answer: Answer, made: list[flow.Flow], went_in: bytes, method: str) -> None:
    """What came out, if it is a body that went in."""
    if method == "HEAD" or answer.status != 200:
        return
    body, coding = answer.body, answer.header("content-encoding")
    if coding == b"gzip":
        try:
            body = gzip.decompress(body) if answer.whole else zlib.decompressobj(31).decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise Fault(f"a whole response is no gzip: {error!r}") from None
    # Without a length the end of the connection is the end of the body, or a cut: nobody can tell.
    wrong = flow.judge(made, went_in, body, whole=answer.whole)
    if wrong:
        raise Fault(f"{wrong}\nof {answer!r:.1000}")


def _ask(
    httpd: Httpd, watch: Watch, method: str, path: str, headers: list[str], body: bytes, chance: random.Random
) -> Answer | None:
    token = watch.token()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if method != "POST":
        data = b""
    elif chance.random() < 0.5:
        lines.append(f"Content-Length: {len(body)}")
        data = body
    else:
        lines.append("Transfer-Encoding: chunked")
        step = chance.choice([1, 7, 1000, 100_000])
        step = max(step, len(body) // 1000)
        pieces = [body[at : at + step] for at in range(0, len(body), step)]
        data = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    canary = f"GET /canary?{token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    whole = "\r\n".join([*lines, "", ""]).encode() + data + canary.encode()
    with httpd.connect(timeout=SLOWEST) as client:
        with contextlib.suppress(ConnectionError):  # it may answer before it has read all
            client.sendall(whole)
        reader = Reader(client)
        try:
            first = reader.response(method)
            if first is not None and first.whole:
                second = reader.response()
                if second is not None and second.whole and (second.status, second.body) != (200, token.encode()):
                    raise Garbage(f"behind {first!r:.500} came {second!r:.500}")
                if left := reader.rest():
                    raise Garbage(f"behind the canary came {left[:200]!r}")
        except TimeoutError:
            raise Fault(f"no answer within {SLOWEST} s, nor an end\n{watch.stacks()}") from None
        return first
