"""Tables as mappings; called by call_by_path."""

import collections.abc
import os
import threading
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache


def request(req: apache.Request) -> dict[str, Any]:
    headers = req.headers_in
    return {
        "get": [headers.get("X-One"), headers.get("x-ONE"), headers.get("X-None"), headers.get("X-None", "other")],
        "item": [headers["x-one"], headers[b"X-One"], headers["x-two"]],
        "in": ["x-one" in headers, b"X-ONE" in headers, "x-none" in headers, 1 in headers, headers.has_key("x-two")],
        "get_all": [headers.get_all("x-two"), headers.get_all("x-none")],
        "len": len(headers) == len(headers.keys()) == len(list(headers)) == len(headers.values()),
        "pairs": [pair for pair in headers.items() if pair[0].startswith("X-")],
        "keys": [key for key in headers if key.startswith("X-")],
        "missing": error_of(lambda: headers["x-none"]),
        "wrong key": error_of(headers.__getitem__, 1),
        "copy": type(headers.copy()).__name__,
    }


def mapping(req: apache.Request) -> dict[str, Any]:
    table = req.notes
    table.clear()
    seen: dict[str, Any] = {"empty": [len(table), bool(table), table.items()]}
    table["a"] = "1"
    table["A"] = "2"
    seen["set"] = table.items()
    table.add("a", "3")
    seen["add"] = [table.items(), table["a"], table.get("a")]
    table["a"] = b"4"
    seen["set again"] = table.items()
    seen["setdefault"] = [table.setdefault("a", "5"), table.setdefault("b", "6"), table.setdefault("c")]
    numbers = apache.make_table()
    seen["setdefault of a number"] = [numbers.setdefault("n", 5), numbers.setdefault("n", 5)]
    table.update({"b": "7", "d": "8"})
    table.update([("e", "9")])
    seen["update"] = table.items()
    seen["pop"] = [table.pop("b"), table.pop("b", None), error_of(table.pop, "b"), table.items()]
    del table["A"]
    del table["never there"]
    seen["del"] = table.items()
    seen["repr"] = repr(table)
    seen["isinstance"] = isinstance(table, collections.abc.MutableMapping)
    return seen


def refused(req: apache.Request) -> dict[str, str]:
    table = req.headers_out
    bad = {"cr": "a\rb", "lf": "a\nSet-Cookie: x=1", "nul": "a\0b", "bytes": b"a\r\nb"}
    seen = {f"value {name}": error_of(table.__setitem__, "X-Bad", text) for name, text in bad.items()}
    seen |= {f"key {name}": error_of(table.add, text, "x") for name, text in bad.items()}
    seen |= {f"update {name}": error_of(table.update, {"X-Bad": text}) for name, text in bad.items()}
    seen |= {f"setdefault {name}": error_of(table.setdefault, "X-Bad", text) for name, text in bad.items()}
    seen["object"] = error_of(table.__setitem__, "X-Bad", [1])
    smuggled = apache.make_table({"X-Bad": "a\r\nSet-Cookie: x=1"})
    seen["of a plain table lf"] = error_of(table.update, smuggled)
    seen["request lf"] = error_of(req.headers_in.update, smuggled)
    seen["trailer lf"] = error_of(req.trailers_out.update, smuggled)
    seen["None"] = error_of(table.__setitem__, "X-Bad", None)
    seen["update object"] = error_of(table.update, {"X-Bad": [1]})
    seen["left"] = str(table.get("X-Bad"))
    return seen


def response(req: apache.Request) -> str:
    req.headers_out["X-Single"] = "é"
    req.headers_out.add("X-Double", "1")
    req.headers_out.add("x-double", "2")
    req.err_headers_out["X-Error"] = "here, too"
    req.headers_out["X-Gone"] = "1"
    del req.headers_out["x-gone"]
    return "ok"


def changed_while_iterated(req: apache.Request) -> list[int]:
    "An iteration is over the keys as they were."
    table = req.notes
    for number in range(20):
        table[f"k{number}"] = "x"
    for key in table:
        del table[key]
        table.add("again", "y")
    return [len(table.get_all("again"))]


def many(req: apache.Request) -> bool:
    "Values stay what they are while the table grows under them."
    table = req.notes
    table["first"] = "value"
    kept = table["first"]
    for number in range(1000):
        table.add(f"k{number}", str(number))
    return kept == "value" and table["k999"] == "999" and table["first"] == "value"


def environment(req: apache.Request) -> str:
    return str(req.subprocess_env.get("FROM_CONF"))


def identity(req: apache.Request) -> list[bool]:
    return [
        req.headers_in is req.headers_in,
        req.headers_out is req.headers_out,
        req.notes is req.notes,
        req.connection is req.connection,
        req.server is req.server,
        req.headers_in is not req.headers_out,
    ]


def construction(req: apache.Request) -> list[str]:
    return [error_of(kind) for kind in (apache.Request, apache.Connection, apache.Server, apache.Filter)]


def own(req: apache.Request) -> dict[str, Any]:
    "Tables of the user's own."
    table = apache.table({"a": "1", "B": "2"})
    pairs = apache.make_table([("Set-Cookie", "x=1"), ("set-cookie", b"y=2"), ("Other", "z")])
    seen: dict[str, Any] = {
        "items": [table.items(), pairs.items(), apache.table().items(), apache.table(items={"k": "v"}).items()],
        "same class": type(table) is type(req.headers_in),
        "copy": [pairs.copy().items(), pairs.copy() is not pairs, apache.table(pairs).items()],
        "dict": dict(pairs),
        "equal": [
            table == {"a": "1", "B": "2"},
            table == apache.table([("a", "1"), ("B", "2")]),
            table != {"a": "1"},
            table == {"A": "1", "B": "2"},
            table == 1,
            pairs == {"Set-Cookie": ["x=1", "y=2"], "set-cookie": ["x=1", "y=2"], "Other": "z"},
        ],
        "hash": error_of(hash, table),
        "order": error_of(lambda: table < table),  # type: ignore[operator]
        "iterators": [list(pairs.iterkeys()), list(pairs.itervalues()), list(pairs.iteritems())],
    }
    table.update(pairs)
    seen["update"] = table.items()
    table.update([("other", "1"), ("OTHER", "2")])
    seen["update again"] = table.items()
    seen["popitem"] = [pairs.popitem(), pairs.items(), pairs.popitem(), pairs.items(), pairs.popitem(), pairs.items()]
    seen["empty"] = error_of(pairs.popitem)
    for name, arguments in {
        "number": (1,),
        "three": ([("a", "b", "c")],),
        "number in it": ([1],),
        "value": ({"a": [1]},),
        "none": ({"a": None},),
        "nul": ({"a": "b\0c"},),
        "two": ({}, {}),
    }.items():
        seen[f"wrong {name}"] = error_of(apache.table, *arguments)
    seen["wrong keyword"] = error_of(apache.table, rows={})
    seen["unchanged"] = error_of(table.update, {"new": "1", "bad": "\0"}) + str(table.get("new"))
    blanks = apache.table({"a b": "1"})
    seen["blanks"] = [error_of(blanks.__getitem__, "ab"), blanks.get("ab"), "ab" in blanks, "A B" in blanks]
    return seen


class Fields(apache.table):
    """A table with a constructor of its own, as multipart code has it."""

    def __init__(self, name: str, items: Any = None) -> None:
        apache.table.__init__(self, items or {})  # type: ignore[call-arg]
        self.name = name

    def __getitem__(self, key: str | bytes) -> Any:
        return f"{self.name}:{super().__getitem__(key)}"


class Plain(apache.table):
    pass


def old_ways(req: apache.Request) -> dict[str, Any]:
    "What programs for mod_python 3.5 do with tables."
    import _apache  # type: ignore[import-not-found]

    text = "a\r\nb"
    seen: dict[str, Any] = {"line ends": []}
    for table in (req.notes, req.subprocess_env, req.connection.notes, apache.make_table()):
        table["text"] = text
        table.add("text", text)
        seen["line ends"].append(table.pop("text") == text and "text" not in table)
    numbers = apache.table({"a": 1, "b": 2.5})
    numbers["c"] = 3
    numbers.add("c", 4)
    seen["numbers"] = numbers.items()
    seen["repr"] = [repr(numbers), str(apache.table())]
    seen["None"] = error_of(numbers.update, None)
    fields, plain = Fields("form", {"a": 1}), Plain({"a": "1"})
    fields["b"] = "2"
    fields.note = "kept"
    seen["derived"] = [fields["a"], fields.get("B"), fields.note, plain["A"], error_of(Plain, 1, 2), len(Fields("x"))]
    seen["as a table"] = [apache.table(fields).items(), isinstance(fields, apache.table), type(fields.copy()).__name__]
    for _ in range(1000):
        Fields("many", {"a": 1}).circle = fields
    seen["_apache"] = [_apache.table is apache.table, _apache.SERVER_RETURN is apache.SERVER_RETURN]
    return seen


def lasting(req: apache.Request) -> dict[str, Any]:
    "What is copied or made outlives the request, and works on any thread."
    kept: list[Any] = []
    thread = threading.Thread(target=lambda: kept.append(apache.table({"made": "elsewhere"}).items()))
    thread.start()
    thread.join()
    if req.args:
        copies.append(req.headers_in.copy())
        copies.append(apache.table({"made": "here"}))
    return {"thread": kept, "copies": [table.get("Host") or table["made"] for table in copies]}


copies: list[apache.table] = []


def options(req: apache.Request) -> Any:
    """Options as they are after what the copies of others were changed to."""
    changed, cleared = req.get_options(), req.get_options()
    changed["Color"] = "blue"
    changed.add("color", "green")
    del changed["size"]
    cleared.clear()
    copy = changed.copy()
    del copy["color"]
    return [req.get_options().items(), changed.items(), cleared.items(), copy.items()]


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def kept(req: apache.Request) -> list[int]:
    """By how many bytes the process grows for 5,000 tables of each kind that are kept."""
    makers = (req.get_options, req.get_config, apache.make_table, req.headers_in.copy)
    grown = []
    for make in makers:
        before = resident()
        tables = [make() for _ in range(5000)]
        grown.append(resident() - before)
        del tables
    return grown
