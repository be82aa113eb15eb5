"""Every attribute and method of httpd's objects: what it is, and what it refuses.

An attribute is told by its type; with W it can be written, with X only in a connection handler, with A to anything. A
method is told by arguments and what a call with them gives.
"""

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

REQUEST = """
    connection Connection, server Server, next None, prev None, main None, the_request str, assbackwards int W,
    proxyreq int W, header_only int, protocol str, proto_num int, hostname str, request_time float, mtime float,
    status_line None W, status int W, method str, method_number int, allowed int, allowed_methods tuple,
    allowed_xmethods tuple, sent_bodyct int, bytes_sent int, clength int, remaining int, read_length int,
    chunked int W, range None, read_body int, read_chunked int, expecting_100 int, headers_in table,
    headers_out table, err_headers_out table, subprocess_env table, notes table, trailers_in table,
    trailers_out table, phase str, interpreter str, content_type None W, _content_type_set int, handler str W,
    content_encoding None W, content_languages tuple W, vlist_validator None, user None W, ap_auth_type None W,
    no_cache int W, no_local_copy int W, unparsed_uri str, uri str W, filename str W, canonical_filename str W,
    path_info str W, args str W, finfo FileInfo W, parsed_uri tuple, used_path_info int W, eos_sent int,
    useragent_addr tuple, useragent_ip str, extension None, hlist HandlerList, _bytes_queued int,
    _allow_options int, _request_rec PyCapsule, _form_so_far None, form RequestForm A, closing bool,
    _found_stamp tuple, _keeps_blank_fields bool A, _page_pieces None W
"""
CONNECTION = """
    base_server Server, local_addr tuple, client_addr tuple, remote_addr tuple, client_ip str, remote_ip str,
    local_ip str, remote_host None, local_host None, remote_logname None, aborted int, keepalive int W,
    double_reverse int, keepalives int, id int, notes table, hlist None, closing bool, timeout float X,
    half_close_timeout float X, protocol str, useragent_addr tuple, useragent_ip str, _conn_rec PyCapsule
"""
SERVER = """
    next Server, defn_name None, defn_line_number int, server_admin str, server_hostname str, port int,
    error_fname str, loglevel int, is_virtual int, timeout float, keep_alive_timeout float, keep_alive_max int,
    keep_alive int, path None, pathlen int, names tuple, wild_names tuple, limit_req_line int,
    limit_req_fieldsize int, limit_req_fields int, my_generation int, restart_time float, _server_rec PyCapsule
"""
FINFO = """
    fname str, filetype int, valid int, protection int, user int, group int, size int, inode int, device int,
    nlink int, atime int, mtime int, ctime int, name None
"""
HLIST = "handler str, silent int, is_location int, directory None"
FILTER = """
    req Request, connection Connection, name str, handler str, dir None, is_input int, closed int, mode None,
    block None, readbytes None
"""
ATTRIBUTES = {
    "req": REQUEST,
    "connection": CONNECTION,
    "server": SERVER,
    "finfo": FINFO,
    "table": "",
    "hlist": HLIST,
    "filter": FILTER,
}


def ignored(_: object) -> None:
    "A cleanup."


def fine(_: object) -> int:
    "A handler."
    return apache.OK


# Method, arguments, type of the result. Those that answer the client are called elsewhere.
METHODS: dict[str, list[tuple[str, tuple[Any, ...], str]]] = {
    "req": [
        ("add_common_vars", (), "None"),
        ("add_cgi_vars", (), "None"),
        ("add_handler", ("PythonLogHandler", fine), "None"),
        ("allow_methods", (["GET", "FOO"], 1), "None"),
        ("auth_name", (), "None"),
        ("auth_type", (), "None"),
        ("construct_url", ("/x",), "str"),
        ("_settle_length", (), "None"),
        ("discard_request_body", (), "int"),
        ("document_root", (), "str"),
        ("build_wsgi_env", (), "dict"),
        ("wsgi_start_response", ("200 Fine", []), "builtin_function_or_method"),
        ("_wsgi_write", (b"",), "None"),
        ("_exchange", (), "None"),
        ("_asgi_scope", (), "dict"),
        ("_asgi_start", (200, []), "None"),
        ("_asgi_body", (b"", False), "None"),
        ("_early_hint", ([],), "None"),
        ("_read_available", (), "bytes"),
        ("get_addhandler_exts", (), "str"),
        ("get_basic_auth_pw", (), "None"),
        ("get_config", (), "table"),
        ("get_options", (), "table"),
        ("get_remote_host", (), "str"),
        ("get_remote_host", (apache.REMOTE_NOLOOKUP, 1), "tuple"),
        ("is_https", (), "int"),
        ("log_error", ("said", apache.APLOG_INFO), "None"),
        ("log_error", (None,), "None"),
        ("meets_conditions", (), "int"),
        ("read", (), "bytes"),
        ("_read_now", (), "bytes"),
        ("_forget_cleanup", ("data",), "None"),
        ("_connection_key", (), "int"),
        ("readline", (), "bytes"),
        ("readlines", (), "list"),
        ("register_cleanup", (ignored,), "None"),
        ("register_cleanup", (ignored, "data"), "None"),
        ("send_http_header", (), "None"),
        ("set_content_length", (5,), "None"),
        ("set_etag", (), "None"),
        ("set_last_modified", (), "None"),
        ("ssl_var_lookup", ("SSL_PROTOCOL",), "str"),
        ("update_mtime", (1.5,), "None"),
    ],
    "connection": [
        ("log_error", ("said", apache.APLOG_INFO), "None"),
        ("is_https", (), "int"),
        ("ssl_var_lookup", ("SSL_PROTOCOL",), "str"),
    ],
    "server": [
        ("log_error", ("said", apache.APLOG_INFO), "None"),
        ("get_config", (), "table"),
        ("get_options", (), "table"),
    ],
    "finfo": [],
    "table": [
        ("add", ("a", "1"), "None"),
        ("get", ("a",), "str"),
        ("get_all", ("a",), "list"),
        ("has_key", ("a",), "bool"),
        ("keys", (), "list"),
        ("values", (), "list"),
        ("items", (), "list"),
        ("iterkeys", (), "list_iterator"),
        ("itervalues", (), "list_iterator"),
        ("iteritems", (), "list_iterator"),
        ("copy", (), "table"),
        ("setdefault", ("b", "2"), "str"),
        ("update", ({"c": "3"},), "None"),
        ("popitem", (), "tuple"),
        ("pop", ("a",), "str"),
        ("clear", (), "None"),
    ],
    "hlist": [],
    "filter": [("write", ("x",), "None"), ("flush", (), "None"), ("readline", (1,), "bytes"), ("read", (1,), "bytes")],
}
# What answers the client, ends something or is about the wire: its arguments are right, but it is not called in vain.
ANSWERS: dict[str, list[tuple[str, tuple[Any, ...]]]] = {
    "req": [
        ("_application", ()),
        ("_ask_for_body", ()),
        ("_asgi_send", (b"", False)),
        ("_wait_for_call", (0, None)),
        ("_waker", ()),
        ("_outside", (ignored,)),
        ("_wait", (None, None, 0, 0.0)),
        ("_heartbeat", (None, b"")),
        ("_on_loop", (None,)),
        ("_offers", (None,)),
        ("_lend", (None, 0.0)),
        ("_unread", (b"x",)),
        ("write", ("x",)),
        ("flush", ()),
        ("sleep", (1,)),
        ("sendfile", ("/etc/hosts",)),
        ("internal_redirect", ("/x",)),
        *[(name, ("SUBSTITUTE",)) for name in ("add_output_filter", "add_input_filter")],
        *[(name, ("NAME", "module")) for name in ("register_output_filter", "register_input_filter")],
    ],
    "connection": [
        *[(name, ()) for name in ("read", "readline", "readuntil", "peek_until", "close")],
        *[(name, (1,)) for name in ("readexactly", "peek", "sleep")],
        ("peek_until", (b"x",)),
        ("write", ("x",)),
        ("authorize", ("/",)),
        ("_on_loop", (None,)),
        ("_lend", (None, 0.0)),
        ("_unread", (b"x",)),
    ],
    "server": [("register_cleanup", (None, ignored))],
    "finfo": [],
    "table": [],
    "hlist": [("next", ())],
    "filter": [
        *[(name, ()) for name in ("close", "pass_on", "disable", "buckets", "lines", "body")],
        ("peek", (1,)),
        ("replace", ({"a": "b"},)),
    ],
}


def things(req: apache.Request) -> dict[str, Any]:
    return {
        "req": req,
        "connection": req.connection,
        "server": req.server,
        "finfo": req.finfo,
        "table": req.notes,
        "hlist": req.hlist,
    }


def attributes(thing: str) -> Iterator[tuple[str, str, str]]:
    for entry in ATTRIBUTES[thing].split(","):
        if words := entry.split():
            yield words[0], words[1], words[2] if len(words) > 2 else "R"


def methods(thing: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for method, arguments, _ in METHODS[thing]:
        yield method, arguments
    yield from ANSWERS[thing]


def kind_of(value: object) -> str:
    name = next((name for name, kind in vars(apache).items() if kind is type(value)), type(value).__name__)
    return name.replace("NoneType", "None")


def walk(req: apache.Request) -> list[str]:
    "What is not as the tables say."
    return [wrong for name, thing in things(req).items() for wrong in check(name, thing)]


def outputfilter(filter: apache.Filter) -> None:
    "The same of a filter, as the body."
    if filter.req.args == "keep":
        kept.update({f"filter.{name}": partial(getattr, filter, name) for name, *_ in attributes("filter")})
        kept.update({f"filter.{name}": partial(getattr(filter, name), *with_) for name, with_ in methods("filter")})
        return
    wrong = [*check("filter", filter)]
    while filter.read():
        pass
    filter.write(json.dumps(wrong))


def check(name: str, thing: Any) -> Iterator[str]:
    known = {attribute for attribute, *_ in attributes(name)}
    known |= {method for method, _ in methods(name)}
    has = {one for one in dir(type(thing)) if not one.startswith("__")}
    yield from (f"{name}.{one} is in one only of the class and the table" for one in sorted(known ^ has))
    yield from (f"{name}.{one} has no docstring" for one in has if not getattr(type(thing), one).__doc__)
    for attribute, kind, how in attributes(name):
        yield from check_attribute(thing, attribute, kind, how)
    for method, arguments, kind in METHODS[name]:
        given = kind_of(getattr(thing, method)(*arguments))
        if given != kind:
            yield f"{name}.{method}{arguments} gave {given}"
    for method, _ in ANSWERS[name]:
        if not callable(getattr(thing, method)):
            yield f"{name}.{method} cannot be called"


REFUSALS = {"R": "AttributeError: ", "W": "TypeError: ", "X": "RuntimeError: ", "A": "no error"}


def check_attribute(thing: Any, name: str, kind: str, how: str) -> Iterator[str]:
    value = getattr(thing, name)
    if kind_of(value) != kind:
        yield f"{name} is {kind_of(value)}"
    if not error_of(delattr, thing, name).startswith("AttributeError: "):
        yield f"{name} can be deleted"
    said = error_of(setattr, thing, name, object())
    if not said.startswith(REFUSALS[how]):
        yield f"{name} takes any object: {said}"
    if how == "W" and value is not None and error_of(setattr, thing, name, value) != "no error":
        yield f"{name} does not take what it is"


def identity(req: apache.Request) -> list[str]:
    "Attributes that are another object each time."
    changing = []
    for name, thing in things(req).items():
        for attribute, kind, _ in attributes(name):
            steady = kind in ("Connection", "Server", "table") and (name, attribute) != ("server", "next")
            if steady and getattr(thing, attribute) is not getattr(thing, attribute):
                changing.append(f"{name}.{attribute}")
    return changing


Uses = dict[str, Callable[[], object]]
kept: Uses = {}


def uses(req: apache.Request) -> Uses:
    "Every way to use what belongs to a request."
    found: Uses = {}
    for name, thing in things(req).items():
        if name in ("server", "finfo"):  # the configuration's, and a copy: not over
            continue
        for attribute, _, how in attributes(name):
            if how == "A":
                continue  # what was set is the program's own
            found[f"{name}.{attribute}"] = partial(getattr, thing, attribute)
            if how != "R":
                value = getattr(thing, attribute) or "x"
                found[f"{name}.{attribute} ="] = partial(setattr, thing, attribute, value)
        for method, arguments in methods(name):
            found[f"{name}.{method}{arguments}"] = partial(getattr(thing, method), *arguments)
    for operation in (len, list, repr, dict):
        found[operation.__name__] = partial(operation, req.notes)
    for special, arguments in {
        "__getitem__": ("x",),
        "__setitem__": ("x", "y"),
        "__delitem__": ("x",),
        "__contains__": ("x",),
        "__eq__": ({},),
    }.items():
        found[special] = partial(getattr(req.notes, special), *arguments)
    return found


def keep(req: apache.Request) -> int:
    kept.clear()
    kept.update(uses(req))
    return apache.OK


def after(req: apache.Request) -> dict[str, str]:
    return {name: error_of(use) for name, use in kept.items()}


def in_thread(req: apache.Request) -> dict[str, str]:
    found = uses(req)
    seen: dict[str, str] = {}
    thread = threading.Thread(target=lambda: seen.update({name: error_of(use) for name, use in found.items()}))
    thread.start()
    thread.join()
    return seen


def finfo(req: apache.Request) -> dict[str, Any]:
    info: Any = req.finfo
    names = "protection inode device nlink user group size atime mtime ctime fname name filetype".split()
    return {
        "tuple": [*info] == [getattr(info, name) for name in names] and len(info) == 13,
        "last": info[12] == info[-1] == info.filetype == apache.APR_REG,
        "outside": [error_of(info.__getitem__, index) for index in (13, -14)],
        "repr": repr(info).startswith("FileInfo({'protection': 1"),
        "unknown": error_of(lambda: info.nothing),
        "protection": hex(info.protection or 0),
    }


def no_file(req: apache.Request) -> list[Any]:
    info: Any = req.finfo
    return [info.filetype == apache.APR_NOFILE, *list(info)[:10]]


known: list[apache.FileInfo] = []


def another_finfo(req: apache.Request) -> list[Any]:
    "One that is kept, put on a request that has no file."
    if not req.args:
        known.append(req.finfo)
        return []
    before = req.finfo.filetype
    req.finfo = known.pop()
    return [before == apache.APR_NOFILE, req.finfo.size, req.finfo.fname]
