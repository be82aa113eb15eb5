"""The house (src/lib.rs has its map): layers import only what stands below them, files are about one thing."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from layers import ORDER, against_order, arrows
from server import PROJECT

MOST_LINES = 400
MOST_LINES_OF_AN_EXAMPLE = 60
MOST_LINES_OF_A_PROTOCOL = 150
# Not .pyi: a stub is the index of one built-in module; split, it would tell of modules that are not there.
WRITTEN = {".rs", ".c", ".h", ".py", ".conf", ".sh", ""}

# The functions that C calls without `guard`: each can do without, as its comment says.
UNGUARDED = {
    ("httpd/apr/bucket.rs", "push_read"),  # It writes two constants.
    ("httpd/hooks/protocols.rs", "switched"),  # It compares two texts.
    (
        "httpd/server/config.rs",
        "create_section",
    ),  # httpd takes no "no" for an answer; what is empty is made without panic.
    ("httpd/server/config.rs", "create_server"),
    ("httpd/server/dump_signal.rs", "note"),  # A signal handler; `guard` logs, which is not safe in one.
    ("httpd/server/fork.rs", "forks"),  # libc calls these in each process, whether or not the module may run in it.
    ("httpd/server/fork.rs", "has_forked"),
    ("httpd/server/fork.rs", "forked"),
    ("httpd/server/late_stop.rs", "note"),
    ("httpd/server/process.rs", "at_exit"),  # It ends the process.
    ("httpd/server/stop.rs", "closes"),  # As the next one.
    ("httpd/server/stop.rs", "told"),  # A signal handler; `guard` logs, which is not safe in one.
    ("python/object/slot_trampolines.rs", "itself_trampoline"),  # It takes a reference, and returns its argument.
}

# What catches panics; `trampoline` is the guard of what CPython calls.
_GUARD = re.compile(r"\b(?:guard|caught|trampoline|trampoline_on)(?:::<[^(]*>)?\(")


def lines(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("folder", ORDER)
def test_a_layer_imports_nothing_of_those_above(folder: str) -> None:
    wrong = [f"{arrow.source} imports {arrow.path}" for arrow in against_order(folder)]
    assert not wrong, f"against the order of src/{folder} in tests/support/layers.py"


@pytest.mark.parametrize("folder", ORDER)
def test_each_file_has_its_place_in_the_order(folder: str) -> None:
    placed = {name for rank in ORDER[folder] for name in rank}
    found = {path.stem for path in (PROJECT / "src" / folder).iterdir() if path.stem not in ("mod", "lib")}
    assert found == placed


def test_imports_are_seen() -> None:
    seen = {(arrow.source, arrow.target) for arrow in arrows()}
    assert ("src/entry.rs", "src/directives.rs") in seen
    assert ("src/python/apache/request.rs", "src/python/request/object.rs") in seen
    assert len(seen) > 500


def test_only_python_and_the_wiring_name_pyo3() -> None:
    others = [path for path in (PROJECT / "src").rglob("*.rs") if "python" not in path.relative_to(PROJECT).parts]
    code = {str(path.relative_to(PROJECT)): re.sub(r"//.*", "", path.read_text()) for path in others}
    assert not [name for name, text in code.items() if re.search(r"\bpyo3\b", text)]


def test_only_httpd_names_its_c_declarations() -> None:
    others = [path for path in (PROJECT / "src").rglob("*.rs") if "httpd" not in path.relative_to(PROJECT).parts]
    assert not [
        str(path.relative_to(PROJECT)) for path in others if "httpd::ffi" in re.sub(r"//.*", "", path.read_text())
    ]


def test_python_logs_without_the_gil() -> None:
    files = sorted((PROJECT / "src/python").rglob("*.rs"))
    direct = re.compile(
        r"\b(?:r|c|server|main|self\.r|request\(\)|connection\(\))\.log(?:_at)?\(|\bserver::log\(|\blog::main\("
    )
    code = {str(path.relative_to(PROJECT)): re.sub(r"//.*", "", path.read_text()) for path in files}
    context = code.pop("src/python/runtime/context.rs")
    assert direct.search(context), "About::log writes the entries"
    assert not [name for name, text in code.items() if direct.search(text)], (
        "write About::… .log(), which lets go of it"
    )


def test_decisions_are_safe() -> None:
    assert "\n#![forbid(unsafe_code)]\n" in (PROJECT / "src/engine/mod.rs").read_text()


def functions_for_c(text: str) -> dict[str, str]:
    """The functions of a Rust file that C calls: name and body."""
    code = re.sub(r"//.*", "", text)
    starts = re.finditer(r'extern "C" fn (\$?\w+)(?:<[^>]*>)?\([^{;]*?\)[^{;]*\{', code)
    return {start[1]: body(code[start.end() :]) for start in starts}


def body(rest: str) -> str:
    """What stands before the brace that closes a body."""
    depth = 1
    for index, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[:index]
    return rest


def test_functions_for_c_are_seen() -> None:
    text = 'unsafe extern "C" fn one<M: Module>(\n    r: *mut c_int,\n) -> c_int {\n    guard(|| { 0 })\n}\n'
    text += 'let f: extern "C" fn(i32) = 1;\n'
    assert functions_for_c(text).keys() == {"one"}
    assert functions_for_c(text)["one"].split() == "guard(|| { 0 })".split()


def test_what_c_calls_works_behind_the_guard() -> None:
    found = {
        (str(path.relative_to(PROJECT / "src")), name): body
        for path in sorted((PROJECT / "src").rglob("*.rs"))
        for name, body in functions_for_c(path.read_text().split("mod tests {")[0]).items()
    }
    assert len(found) > 60
    unguarded = {place for place, body in found.items() if not _GUARD.search(body)}
    assert unguarded == UNGUARDED


def test_tables_of_classes_name_functions() -> None:
    tables: dict[str, list[str]] = {}
    for path in (PROJECT / "src/python").rglob("*.rs"):
        for table in re.findall(r"^    (?:methods|attributes)! \{ \w+:\n.*?^    \}", path.read_text(), re.M | re.S):
            tables.setdefault(path.name, []).append(re.sub(r"//.*", "", table))
    assert "request.rs" in tables
    assert not [name for name, found in tables.items() if "|" in "".join(found)], (
        "a closure in a table: name a function"
    )


def test_no_file_is_long() -> None:
    folders = ["src", "c-shim", "python", "filters", "protocols", "conf-examples/handlers", "scripts", "tests"]
    files = [PROJECT / "build.rs", *(path for folder in folders for path in (PROJECT / folder).rglob("*"))]
    files = [path for path in files if path.is_file() and path.suffix in WRITTEN]
    long = {str(path.relative_to(PROJECT)): lines(path) for path in files if lines(path) > MOST_LINES}
    assert not long, f"split by noun what has more than {MOST_LINES} lines"


@pytest.mark.parametrize(
    "path",
    sorted([*(PROJECT / "conf-examples/handlers").glob("*.py"), *(PROJECT / "filters").glob("*.py")]),
    ids=lambda path: path.stem,
)
def test_an_example_is_short(path: Path) -> None:
    assert lines(path) <= MOST_LINES_OF_AN_EXAMPLE


@pytest.mark.parametrize("path", sorted((PROJECT / "protocols").rglob("*.py")), ids=lambda path: path.stem)
def test_a_protocol_is_short(path: Path) -> None:
    assert lines(path) <= MOST_LINES_OF_A_PROTOCOL


def test_the_page_of_the_architecture_names_places_that_exist() -> None:
    page = (PROJECT / "docs/architecture.md").read_text()
    named = re.findall(r"(?<![\w/])(?:src|docs|python|include|c-shim|tests)/[\w./-]*\w", page)
    assert len(set(named)) > 80
    assert not [name for name in named if not (PROJECT / name).exists()]


def test_the_page_of_the_architecture_names_each_layer() -> None:
    page = (PROJECT / "docs/architecture.md").read_text()
    layers = page.partition("\n## Layers\n")[2].partition("\n## ")[0]
    root = PROJECT / "src"
    names = {f"`src/{path.name}{'/' * path.is_dir()}`" for path in root.iterdir()}
    assert {name for name in names if name not in layers} == set()
    text = (root / "lib.rs").read_text()
    modules = re.findall(r"^(?:pub )?mod (\w+);", text, re.MULTILINE)
    tabled = "".join(re.findall(r"^//! \| .*", text, re.MULTILINE))
    assert len(modules) > 8
    assert {name for name in modules if f"[`{name}`]" not in tabled} == set()


def test_the_page_of_the_architecture_says_where_to_change_what() -> None:
    page = (PROJECT / "docs/architecture.md").read_text()
    table = page.partition("\n## Where to change what\n")[2]
    rows = dict(re.findall(r"^\| (.+?) \| (`(?:src|python|docs|include|c-shim)/.*) \|$", table, re.MULTILINE))
    assert len(rows) >= 25
    for subject, place in {
        "the Content-Length rule of filters": "src/httpd/request/representation.rs",
        "the timer of parked connections": "src/parking/timer.rs",
        "`req.internal_redirect`": "src/python/request/io.rs",
        "the merging of a directive": "src/engine/settings.rs",
        "the GIL hand-over between interpreters": "src/python/runtime/gil_turns.rs",
    }.items():
        assert f"`{place}`" in rows[subject]


def test_no_key_of_the_site_stands_twice() -> None:
    keys: list[tuple[str, ...]] = []
    above: list[tuple[int, str]] = []
    for number, line in enumerate((PROJECT / "scripts/mkdocs.yml").read_text().splitlines()):
        if match := re.match(r"( *)(- )?([\w-]+):(?: |$)", line):
            above = [(depth, key) for depth, key in above if depth < len(match[1])]
            if match[2]:
                above.append((len(match[1]), f"item of line {number}"))
            above.append((len(match[1] + (match[2] or "")), match[3]))
            keys.append(tuple(key for _, key in above))
    assert "inherited_members" in {key[-1] for key in keys}
    assert [key for key, times in Counter(keys).items() if times > 1] == []


def test_one_version() -> None:
    cargo = tomllib.loads((PROJECT / "Cargo.toml").read_text())["package"]["version"]
    source = (PROJECT / "python/mod_python/version.py").read_text()
    assert f'version = "{cargo}"' in source.splitlines()
