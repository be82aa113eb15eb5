"""What tests/bench/cost.py measures: its rows, and the configuration and the Python code of their pages."""

from dataclasses import dataclass

_LINE = b"The quick brown fox jumps over the lazy dog, again and again.\n"
SMALL, LARGE = _LINE * (10240 // len(_LINE)), _LINE * (1024 * 1024 // len(_LINE))


@dataclass(frozen=True)
class Row:
    """A page whose requests are measured."""

    name: str
    path: str
    # How many requests are one measurement.
    requests: int = 10000
    # The bytes that are posted to it.
    body: bytes = b""
    # Whether mod_python 3.5 has it, too.
    has_peer: bool = False


@dataclass(frozen=True)
class Group:
    """Rows that are compared with the first of them."""

    title: str
    rows: tuple[Row, ...]

    def chosen(self, word: str) -> tuple[Row, ...]:
        """Return all rows if the title has this word, else the first one and those whose names have it, if any."""
        if word in self.title:
            return self.rows
        named = tuple(row for row in self.rows[1:] if word in row.name)
        return (self.rows[0], *named) if named else ()


def _call(name: str, what: str, requests: int = 10000, body: bytes = b"") -> Row:
    return Row(what, f"/call/{name}", requests, body, has_peer=True)


def _filtered(size: str, names: dict[str, str], requests: int) -> tuple[Row, ...]:
    return tuple(Row(what, f"/{name}/{size}.txt", requests) for name, what in names.items())


IDENTITY = {"copy": "C: reads and copies", "identity": "identity", "stream": "identity, async def"}
UPPER = {"case": "C: mod_case_filter", "upper": "upper-case", "stream-upper": "upper-case, async def"}
GROUPS = (
    Group(
        "A line of text",
        (
            Row("C", "/bench-hello"),
            Row("handler", "/hello", has_peer=True),
            Row("handler, PythonAutoReload Off", "/hello-off"),
            Row("file", "/plain/hello.txt"),
        ),
    ),
    Group(
        "A line of text and a FLUSH",
        (Row("C", "/bench-hello-flush"), Row("handler", "/hello-flush", has_peer=True)),
    ),
    Group(
        "A file of 10 KB",
        (Row("file", "/plain/10k.txt"), Row("type hook that declines", "/typed/10k.txt")),
    ),
    Group("10 KB unchanged", _filtered("10k", IDENTITY, 10000)),
    Group("10 KB in capitals", _filtered("10k", UPPER, 10000)),
    Group("1 MB unchanged", _filtered("1m", IDENTITY, 500)),
    Group("1 MB in capitals", _filtered("1m", UPPER, 500)),
    Group(
        "What a call adds to a handler",
        (
            _call("nothing", "handler that writes nothing"),
            _call("options", "req.get_options()"),
            _call("options11", "the same eleven times"),
            _call("config", "req.get_config()"),
            _call("options1000", "req.get_options(), of 1,000"),
            _call("cgi_env", "apache.build_cgi_env(req)"),
            _call("copy", "req.headers_in.copy()"),
            _call("table", "apache.make_table()"),
            _call("log", "req.log_error(), once"),
            _call("log11", "req.log_error(), eleven times"),
            _call("common_vars", "req.add_common_vars(), items"),
            _call("set11", "headers_out[...] = ..., eleven times"),
            _call("redirect", "req.internal_redirect()"),
            _call("add11", "req.add_handler(), eleven times"),
            _call("write1m", "req.write() of 1 MB", 500),
            _call("read1m", "req.read() of 1 MB", 500, LARGE),
        ),
    ),
)
FOLDERS = ("plain", "typed", *IDENTITY, *UPPER)
# For mod_python 3.5 as well.
COMMON_CONF = """
ServerLimit 1
MaxRequestWorkers 16
MaxKeepAliveRequests 0
LogLevel error
<Location /bench-count>
    SetHandler bench-count
</Location>
<Location /hello>
    SetHandler mod_python
    PythonHandler bench_cost::hello
</Location>
<Location /hello-flush>
    SetHandler mod_python
    PythonHandler bench_cost::hello_flush
</Location>
<Location /typed/>
    PythonTypeHandler bench_cost::declines
</Location>
""" + "".join(
    f"""
<Location {row.path}>
    SetHandler mod_python
    PythonOption color blue
    PythonOption size "very large"
    PythonHandler bench_cost::{row.path.rpartition("/")[2]}
</Location>
"""
    for row in GROUPS[-1].rows
)
COMMON_CONF += "<Location /call/options1000>\n"
COMMON_CONF += "".join(f"PythonOption name{number} value{number}\n" for number in range(1000)) + "</Location>\n"
CONF = (
    COMMON_CONF
    + """
# mod_python 3.5 looks for no files of these, so here none are looked for, either.
<Location /call/>
    PythonOption mod_python.location_shortcut On
</Location>
<Location /hello-off>
    SetHandler mod_python
    PythonHandler bench_cost::hello
    PythonAutoReload Off
</Location>
<Location /bench-hello>
    SetHandler bench-hello
</Location>
<Location /bench-hello-flush>
    SetHandler bench-hello-flush
</Location>
<Location /copy/>
    SetOutputFilter BENCH_COPY
</Location>
<Location /case/>
    SetOutputFilter CASEFILTER
</Location>
"""
    + "".join(
        f"""
PythonOutputFilter bench_cost::{name.replace("-", "_")} {name}
<Location /{name}/>
    SetOutputFilter {name}
</Location>
"""
        for name in ("identity", "stream", "upper", "stream-upper")
    )
)
# As of both modules: `flush` is an argument by position in 3.5, and 1 if it is not given.
HANDLERS = """
from mod_python import apache

MEGABYTE = b"x" * (1024 * 1024)


def hello(req):
    req.content_type = "text/plain"
    req.write("Hello\\n", 0)
    return apache.OK


def hello_flush(req):
    req.content_type = "text/plain"
    req.write("Hello\\n")
    return apache.OK


def declines(req):
    return apache.DECLINED


def call(function):
    def handler(req):
        req.content_type = "text/plain"
        function(req)
        return apache.OK

    return handler


def repeatedly(function):
    def calls(req):
        for _ in range(11):
            function(req)

    return call(calls)


def log_one(req):
    req.log_error("something to say", apache.APLOG_ERR)


def set_header(req):
    req.headers_out["X-Name"] = "value"


def read_all(req):
    assert len(req.read()) > 1000000


def target(req):
    return apache.OK


nothing = call(lambda req: None)
options = call(lambda req: req.get_options())
options1000 = options
options11 = repeatedly(lambda req: req.get_options())
config = call(lambda req: req.get_config())
cgi_env = call(lambda req: apache.build_cgi_env(req))
copy = call(lambda req: req.headers_in.copy())
table = call(lambda req: apache.make_table())
log = call(log_one)
log11 = repeatedly(log_one)
common_vars = call(lambda req: (req.add_common_vars(), req.subprocess_env.items()))
set11 = repeatedly(set_header)
redirect = call(lambda req: req.internal_redirect("/call/nothing"))
add11 = repeatedly(lambda req: req.add_handler("PythonLogHandler", "bench_cost::target"))
write1m = call(lambda req: req.write(MEGABYTE, 0))
read1m = call(read_all)


def identity(filter):
    while chunk := filter.read():
        filter.write(chunk)


def upper(filter):
    while chunk := filter.read():
        filter.write(chunk.upper())


async def stream(filter):
    async for chunk in filter:
        yield chunk


async def stream_upper(filter):
    async for chunk in filter:
        yield chunk.upper()
"""
