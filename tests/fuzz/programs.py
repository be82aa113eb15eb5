"""Generated Python that abuses the objects of httpd: what the stubs declare, with values that nobody expects."""

import ast
import random
from pathlib import Path

from server import PROJECT

STATUSES = [-3, -2, -1, 0, 1, 42, 99, 100, 101, 199, 200, 204, 205, 206, 299, 301, 304, 400, 401, 403, 404, 413, 418]
STATUSES += [499, 500, 502, 503, 599, 600, 999, 70007, 2**31, 2**63]
_NUMBERS = [*STATUSES, 2, 3, 5, 7, 255, 4096, 65536, 1 << 20, -(2**31), 2**31 - 1, 2**32, 2**63 - 1, -(2**63), 2**64]
_TEXTS = ["", "x", "GET", "a\r\nInjected: yes", "\0", "é", "\udc80", "\ud800", "/canary?no", "/static.txt", "../../x"]
_TEXTS += [
    "no_such",
    "FZOUT",
    "FZSTREAM",
    "FZIN",
    "DEFLATE",
    "INCLUDES",
    "SUBSTITUTE",
    "BUCKETEER",
    "OLD_WRITE",
    "CORE",
]
_TEXTS += [
    "Content-Length",
    "Transfer-Encoding",
    "chunked",
    "Connection",
    "close",
    "text/html",
    "generated::handler",
    "*",
]
_TEXTS += ["PythonHandler", "PythonLogHandler", "PythonCleanupHandler", "/etc/hosts", "/", "http://localhost/", "304 x"]
_OTHERS = ["None", "object()", "[]", "()", "{}", "{'a': 'b'}", "{'a\\n': 1}", "float('nan')", "float('inf')", "1e300"]
_OTHERS += ["type", "True", "'x' * 70000", "b'x' * 1000000", "bytearray(5)", "memoryview(b'abcdef')[::2]", "b''", "it"]
_OTHERS += ["b'\\xff\\r\\n'", "apache.FLUSH", "apache.OK", "[('a', 'b'), ('a',)]", "apache.table([('a', 'b')])", "gc"]
# Special methods whose answer httpd's objects ask for, and what an honest one would say.
_SPECIAL = ["__str__", "__index__", "__len__", "__iter__", "__getitem__", "__eq__", "__hash__", "__bool__", "__call__"]
_SPECIAL += ["__fspath__", "__del__", "__repr__", "__float__", "__next__", "keys"]
CLASSES = {"req": "Request", "conn": "Connection", "server": "Server", "filter": "Filter", "table": "table"}
CLASSES |= {"hlist": "HandlerList", "bucket": "Bucket", "finfo": "FileInfo"}
_KINDS = {
    "req": ["@", "@.main", "@.prev", "@.next"],
    "conn": ["@.connection"],
    "server": ["@.server", "@.server.next", "apache.main_server"],
    "table": [
        f"@.{name}" for name in "headers_in headers_out err_headers_out subprocess_env notes trailers_in".split()
    ],
    "hlist": ["@.hlist"],
    "finfo": ["@.finfo"],
    "bucket": ["apache.FileBucket(__file__)", "apache.FileBucket('/no_such')", "apache.FileBucket(sparse, 5)"],
}
_SPECIAL_USES = [
    "len({0})",
    "list({0})",
    "repr({0})",
    "dict({0})",
    "{0}[{1}]",
    "{0}.__setitem__({1}, {2})",
    "hash({0})",
]
_SPECIAL_USES += ["{0}.__delitem__({1})", "{1} in {0}", "{0} == {1}", "type({0})()", "copy.deepcopy({0})", "vars({0})"]
_SPECIAL_USES += ["{0}.__init__({1})", "type({0}).__new__(type({0}), {1})", "{0}.__class__.__call__({1})", "iter({0})"]
_SPECIAL_USES += ["delattr({0}, {1})", "pickle.dumps({0})", "weakref.ref({0})", "gc.get_referents({0})"]


def _members() -> dict[str, tuple[list[str], list[tuple[str, int]]]]:
    """By kind of object: its attributes; its methods, and how many arguments each takes at most."""
    tree = ast.parse((PROJECT / "python/mod_python/_apache.pyi").read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found = {}
    for kind, name in CLASSES.items():
        attributes: dict[str, None] = {}
        methods: dict[str, int] = {}
        for node in classes[name].body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                attributes[node.target.id] = None
            elif isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
                if any(isinstance(one, ast.Name) and one.id == "property" for one in node.decorator_list):
                    attributes[node.name] = None
                elif not node.decorator_list:
                    methods[node.name] = len(node.args.args) - 1
        found[kind] = (sorted(attributes), sorted(methods.items()))
    return found


MEMBERS = _members()
WAITS = {"read", "readline", "readexactly", "readuntil", "peek", "sleep", "close", "write", "body", "authorize"}


class Writer:
    """Writes lines that use `it`, an object of the kind `own`, and whatever can be had from it."""

    def __init__(self, chance: random.Random, own: str = "req") -> None:
        self.chance = chance
        self.own = own

    def value(self, depth: int = 0) -> str:
        """An expression for an argument."""
        pick = self.chance.random()
        if pick < 0.25:
            return repr(self.chance.choice(_NUMBERS))
        if pick < 0.5:
            return ascii(self.chance.choice(_TEXTS))
        if pick < 0.75 or depth > 1:
            return self.chance.choice(_OTHERS)
        if pick < 0.83:
            return f"kept({self.chance.randrange(50)})"
        if pick < 0.9:
            return f"lambda *a: {self.use(depth + 1)}"
        names = self.chance.sample(_SPECIAL, self.chance.randint(1, 3))
        return f"Evil(lambda: {self.use(depth + 1)}, {names})"

    def thing(self, kind: str) -> str:
        """An expression for an object of that kind."""
        if self.chance.random() < 0.15:
            return f"kept({self.chance.randrange(50)}, {CLASSES[kind]!r})"
        if kind == self.own:
            return "it"
        place = self.chance.choice(_KINDS[kind])
        if self.own == "conn":
            return {"server": "it.base_server", "table": "it.notes", "hlist": "it.hlist"}.get(kind, "it")
        return place.replace("@", "it.req" if self.own == "filter" else "it")

    def use(self, depth: int = 0, *, awaited: bool = False) -> str:
        """An expression that does something with an object."""
        kinds = [self.own] * 4 + ["table", "table", "req", "conn", "server", "hlist", "finfo", "bucket"]
        kind = self.chance.choice(kinds)
        thing = self.thing(kind)
        attributes, methods = MEMBERS[kind]
        pick = self.chance.random()
        if methods and pick < 0.5:
            name, most = self.chance.choice(methods)
            count = most if self.chance.random() < 0.8 else self.chance.randint(0, most + 1)
            call = f"{thing}.{name}({', '.join(self.value(depth) for _ in range(count))})"
            return f"(await {call})" if awaited and name in WAITS else call
        if attributes and pick < 0.65:
            return f"setattr({thing}, {self.chance.choice(attributes)!r}, {self.value(depth)})"
        if attributes and pick < 0.75:
            return f"{thing}.{self.chance.choice(attributes)}"
        if pick < 0.85:
            return f"keep({thing})"
        return self.chance.choice(_SPECIAL_USES).format(thing, self.value(depth), self.value(depth))

    def statement(self, *, awaited: bool = False) -> str:
        """A line of a function."""
        pick = self.chance.random()
        if pick < 0.7:
            return self.use(awaited=awaited)
        if pick < 0.8:
            return f"in_thread(lambda: {self.use(1)})"
        if pick < 0.85:
            return f"later(lambda: {self.use(1)})"
        if pick < 0.9:
            return f"it.any = {self.value()}"
        if pick < 0.95:
            return "gc.collect()"
        return f"again(lambda: {self.use(1)}, {self.chance.choice([2, 30, 1000])})"

    def lines(self, most: int, *, awaited: bool = False) -> list[str]:
        """Some lines of a function; what most of them raise is caught."""
        found = []
        for _ in range(self.chance.randint(1, most)):
            line = self.statement(awaited=awaited)
            found.append(f"with quiet: {line}" if self.chance.random() < 0.95 else line)
        return found

    def end(self) -> str:
        """How a handler ends."""
        pick = self.chance.random()
        status = self.chance.choice(STATUSES)
        if pick < 0.55:
            return "return apache.OK"
        if pick < 0.65:
            return "return apache.DECLINED"
        if pick < 0.75:
            return f"return {status}"
        if pick < 0.85:
            return f"raise apache.SERVER_RETURN({status})"
        if pick < 0.9:
            return f"return {self.value()}"
        return self.chance.choice(
            ["raise KeyError('generated')", "raise SystemExit", "raise KeyboardInterrupt", "pass"]
        )


def function(name: str, lines: list[str], *, is_async: bool = False) -> str:
    """Return the text of a function."""
    head = f"{'async ' if is_async else ''}def {name}(it):"
    return "\n".join([head, *(f"    {line}" for line in lines)]) + "\n"


def save(folder: Path, name: str, text: str) -> Path:
    """Keep what failed, where it can be looked at later."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, errors="backslashreplace")
    return path
