"""The module apache: its functions and constants are mod_python's, with httpd's numbers."""

import json
from typing import Any

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
Define API_DEFINED
LogLevel python:trace4
<Location "/call">
    SetHandler mod_python
    PythonHandler call_by_path
    <If "-n '%{HTTP:X-Nested}'">
        PythonOption nested "a b"
    </If>
</Location>
"""


def call(httpd: Httpd, name: str) -> Any:
    return json.loads(httpd.get(f"/call/apache_functions/{name}").text)


def counted(before: str, names: str, first: int) -> dict[str, int]:
    return {before + name: number for number, name in enumerate(names.split(), first)}


# As mod_python numbers them: from 0 on.
NUMBERED = {
    "APLOG_": "EMERG ALERT CRIT ERR WARNING NOTICE INFO DEBUG TRACE1 TRACE2 TRACE3 TRACE4 TRACE5 TRACE6 TRACE7 TRACE8",
    "M_": "GET PUT POST DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK "
    "VERSION_CONTROL CHECKOUT UNCHECKOUT CHECKIN UPDATE LABEL REPORT MKWORKSPACE MKACTIVITY BASELINE_CONTROL MERGE "
    "INVALID",
    "REMOTE_": "HOST NAME NOLOOKUP DOUBLE_REV",
    "FINFO_": "MODE INO DEV NLINK UID GID SIZE ATIME MTIME CTIME FNAME NAME FILETYPE",
    "URI_": "SCHEME HOSTINFO USER PASSWORD HOSTNAME PORT PATH QUERY FRAGMENT",
    "PROXYREQ_": "NONE PROXY REVERSE RESPONSE",
    "AP_REQ_": "ACCEPT_PATH_INFO REJECT_PATH_INFO DEFAULT_PATH_INFO",
    "REQUEST_": "NO_BODY CHUNKED_ERROR CHUNKED_DECHUNK",
    "AP_CONN_": "UNKNOWN CLOSE KEEPALIVE",
    "APR_": "NOFILE REG DIR CHR BLK PIPE LNK SOCK",
    "AP_MPMQ_": "NOT_SUPPORTED STATIC DYNAMIC",
}
QUERIES = (
    "MAX_DAEMON_USED IS_THREADED IS_FORKED HARD_LIMIT_DAEMONS HARD_LIMIT_THREADS MAX_THREADS MIN_SPARE_DAEMONS "
    "MIN_SPARE_THREADS MAX_SPARE_DAEMONS MAX_SPARE_THREADS MAX_REQUESTS_DAEMON MAX_DAEMONS MPM_STATE IS_ASYNC "
    "GENERATION HAS_SERF"
)
FILE_BITS = (
    "LINK:1 MTIME:10 CTIME:20 ATIME:40 SIZE:100 CSIZE:200 DEV:1000 INODE:2000 NLINK:4000 TYPE:8000 USER:10000 "
    "GROUP:20000 UPROT:100000 GPROT:200000 WPROT:400000 ICASE:1000000 NAME:2000000 MIN:8170 IDENT:3000 OWNER:30000 "
    "PROT:700000 NORM:73b170 DIRENT:2000000"
)
STATUSES = {
    100: "CONTINUE SWITCHING_PROTOCOLS PROCESSING EARLY_HINTS",
    200: "OK CREATED ACCEPTED NON_AUTHORITATIVE NO_CONTENT RESET_CONTENT PARTIAL_CONTENT MULTI_STATUS ALREADY_REPORTED",
    226: "IM_USED",
    300: "MULTIPLE_CHOICES MOVED_PERMANENTLY MOVED_TEMPORARILY SEE_OTHER NOT_MODIFIED USE_PROXY",
    307: "TEMPORARY_REDIRECT PERMANENT_REDIRECT",
    400: "BAD_REQUEST UNAUTHORIZED PAYMENT_REQUIRED FORBIDDEN NOT_FOUND METHOD_NOT_ALLOWED NOT_ACCEPTABLE "
    "PROXY_AUTHENTICATION_REQUIRED REQUEST_TIME_OUT CONFLICT GONE LENGTH_REQUIRED PRECONDITION_FAILED "
    "REQUEST_ENTITY_TOO_LARGE REQUEST_URI_TOO_LARGE UNSUPPORTED_MEDIA_TYPE RANGE_NOT_SATISFIABLE EXPECTATION_FAILED "
    "IM_A_TEAPOT",
    421: "MISDIRECTED_REQUEST UNPROCESSABLE_ENTITY LOCKED FAILED_DEPENDENCY TOO_EARLY UPGRADE_REQUIRED",
    428: "PRECONDITION_REQUIRED TOO_MANY_REQUESTS",
    431: "REQUEST_HEADER_FIELDS_TOO_LARGE",
    451: "UNAVAILABLE_FOR_LEGAL_REASONS",
    500: "INTERNAL_SERVER_ERROR NOT_IMPLEMENTED BAD_GATEWAY SERVICE_UNAVAILABLE GATEWAY_TIME_OUT VERSION_NOT_SUPPORTED "
    "VARIANT_ALSO_VARIES INSUFFICIENT_STORAGE LOOP_DETECTED",
    510: "NOT_EXTENDED NETWORK_AUTHENTICATION_REQUIRED",
}
OTHERS = {
    "OK": 0,
    "DECLINED": -1,
    "DONE": -2,
    "SUSPENDED": -3,
    "REQ_PROCEED": 0,
    "REQ_NOACTION": -1,
    "REQ_ABORTED": 500,
    "REQ_EXIT": "REQ_EXIT",
    "APR_UNKFILE": 127,
    "APLOG_NOERRNO": 0,
    "CGI_MAGIC_TYPE": "application/x-httpd-cgi",
    "INCLUDES_MAGIC_TYPE": "text/x-server-parsed-html",
    "INCLUDES_MAGIC_TYPE3": "text/x-server-parsed-html3",
    "DIR_MAGIC_TYPE": "httpd/unix-directory",
}


def test_constants(httpd: Httpd) -> None:
    wanted: dict[str, Any] = dict(OTHERS)
    wanted |= {before + name: number for before, names in NUMBERED.items() for number, name in enumerate(names.split())}
    wanted |= {"AP_MPMQ_" + name: number for number, name in enumerate(QUERIES.split(), 1)}
    wanted |= {
        "HTTP_" + name: number for first, names in STATUSES.items() for number, name in enumerate(names.split(), first)
    }
    wanted |= {"APR_FINFO_" + name: int(bits, 16) for name, bits in (pair.split(":") for pair in FILE_BITS.split())}
    real = call(httpd, "constants")
    assert {name: real.get(name) for name in wanted} == wanted
    assert real["MODULE_MAGIC_NUMBER_MAJOR"] == 20120211
    assert real["MODULE_MAGIC_NUMBER_MINOR"] > 100


def test_what_holds_for_the_server(httpd: Httpd) -> None:
    seen = call(httpd, "server")
    assert seen["root"] == str(httpd.folder)
    assert seen["defined"] == [True, False]
    assert seen["main"] == 0
    assert seen["interpreter"] == "main_interpreter"


def test_the_tree_of_the_configuration(httpd: Httpd) -> None:
    tree = call(httpd, "server")["tree"]
    at = tree.index(["<Location", '"/call">'])
    section = tree[at + 1]
    assert section[:2] == [["SetHandler", "mod_python"], ["PythonHandler", "call_by_path"]]
    assert section[3] == [["PythonOption", 'nested "a b"']]
    assert ["LogLevel", "python:trace4"] in tree


def test_b171_what_the_mpm_tells(httpd: Httpd) -> None:
    seen = call(httpd, "mpm")
    kinds = {"event": (1, 2, 1), "prefork": (0, 2, 0)}
    assert (seen["threaded"], seen["forked"], seen["async"]) == kinds[httpd.mpm]
    assert seen["daemons"] >= 1
    assert seen["all"]
    assert seen["unknown"] == 0
    assert seen["wrong"].startswith("TypeError: ")


def test_path_info(httpd: Httpd) -> None:
    assert call(httpd, "paths") == [len("/cgi/script"), len("/cgi/script"), len("/a")]


def test_stat(httpd: Httpd) -> None:
    path = httpd.write("call/apache_functions/stat", "seven..")
    seen = call(httpd, "stat")
    assert seen["file"] == [str(path), True, 7, True]
    assert seen["folder"] == [True, str(httpd.htdocs)]
    assert seen["missing"] == [True, None, None]
    assert seen["below a file"].startswith("NotADirectoryError: [Errno 20] ")
    assert seen["below a file"].endswith(f": '{path}/below'")
    assert seen["wrong"] == "TypeError: expected str or bytes, not int"
    assert seen["kept"] == 7


def test_modules_and_objects_by_name(httpd: Httpd) -> None:
    seen = call(httpd, "modules")
    assert httpd.log().count("] mod_python: importing module 'imported_module'") == 1
    assert seen["once"] is True
    assert seen["missing"] == "ModuleNotFoundError: No module named 'missing_module'"
    assert (seen["mtime"], seen["no file"], seen["gone"]) == (True, 0, 0)
    assert (seen["class"], seen["plain"], seen["silent"]) == ("made with 3", True, None)
    assert (
        seen["loud"] == f"AttributeError: module '{httpd.handlers}/apache_functions.py' contains no 'Shop.till.drawer'"
    )


def test_log_error(httpd: Httpd) -> None:
    client = r"\[client 127\.0\.0\.1:\d+\] "
    httpd.expect(
        rf"python:error.*{client}an error by default$",
        rf"python:error.*{client}level 0 is one, too$",
        rf"python:notice.*{client}with a bit of old$",
        r"python:warn\] \[pid [^]]+\] for the server$",
        rf"python:trace4.*{client}traced$",
    )
    text, server, nothing = call(httpd, "logs")
    assert "hidden" not in httpd.log()
    assert text == "TypeError: expected str or bytes, not int"
    assert server == "TypeError: log_error() takes a server such as req.server, not str"
    assert nothing == "TypeError: log_error() misses its argument 'message'"
