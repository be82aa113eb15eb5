"""python/mod_python/_apache.pyi tells type checkers what there is: every name, attribute and parameter, and no more."""

import ast
import itertools
import json
import re
from typing import Any

import pytest

from httpd import Httpd
from server import PROJECT

CONF = """
<Location "/reality">
    SetHandler mod_python
    PythonHandler module_reality
</Location>
<Location "/filter.txt">
    PythonOutputFilter module_reality REALITY
    SetOutputFilter REALITY
</Location>
"""

Members = dict[str, dict[str, Any]]
CLASSES = ["Request", "Connection", "Server", "Filter", "Bucket", "FileInfo", "table"]
# Classes of the module that are several for type checkers: what plain functions have, and what is awaited.
SEVERAL = {
    "Request": {"Request", "AsyncRequest"},
    "Connection": {"_Connection", "Connection", "AsyncConnection"},
    "Filter": {"_Filter", "Filter", "AsyncFilter"},
}


@pytest.fixture(scope="module")
def reality(httpd: Httpd) -> dict[str, Members]:
    httpd.write("filter.txt", "text")
    told = httpd.get("/reality").text + httpd.get("/filter.txt").text
    return {name: members for line in told.splitlines() for name, members in json.loads(line).items()}


def test_names(reality: dict[str, Members]) -> None:
    stub = stub_of("names")
    assert sorted(reality["names"]) == sorted(stub)
    for name, real in reality["names"].items():
        assert real.get("parameters") == stub[name].get("parameters"), name


@pytest.mark.parametrize("name", CLASSES)
def test_members(reality: dict[str, Members], name: str) -> None:
    stub = stub_of(name)
    assert sorted(reality[name]) == sorted(stub)
    for member, real in reality[name].items():
        assert real.get("parameters") == stub[member].get("parameters"), member
        assert real.get("writable") == stub[member].get("writable"), member
        if "type" in real:
            assert allows(stub[member]["type"], real["type"]), f"{member}: {real['type']}"


@pytest.mark.parametrize("name", ["names", *CLASSES])
def test_docstrings_are_those_of_the_module(reality: dict[str, Members], name: str) -> None:
    stub = stub_of(name)
    for member, real in reality[name].items():
        if "parameters" in real or ("writable" in real and name != "names"):
            assert real["doc"], f"{member} has no docstring in the module"
        if real.get("doc") and not (name == "names" and "writable" in real):
            assert stub[member].get("doc") == in_one_line(real["doc"]), (
                f"{member}: write the module's text into the stub"
            )


def in_one_line(text: str) -> str:
    """A docstring without its line ends, which differ between Rust and the stub."""
    return " ".join(text.split())


def stub_of(name: str) -> Members:
    """What the stub says of a class, or of the module (`names`)."""
    tree = ast.parse((PROJECT / "python/mod_python/_apache.pyi").read_text())
    if name == "names":
        parts = {part for parts in SEVERAL.values() for part in parts} - SEVERAL.keys()
        return {defined: told for defined, told in said(tree.body).items() if defined not in parts}
    names = SEVERAL.get(name, {name})
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in names]
    return said([statement for class_ in classes for statement in class_.body])


def said(body: list[ast.stmt]) -> Members:
    """The names that statements of the stub define; of overloads, all parameters together."""
    found: Members = {}
    for node, after in itertools.zip_longest(body, body[1:]):
        if isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.target)] = {"type": ast.unparse(node.annotation), "writable": True}
            if isinstance(after, ast.Expr):
                found[ast.unparse(node.target)]["doc"] = in_one_line(ast.literal_eval(after.value))
        elif isinstance(node, ast.ClassDef):
            found[node.name] = {"doc": docstring(node)}
        elif isinstance(node, ast.FunctionDef):
            decorators = [ast.unparse(one) for one in node.decorator_list]
            if "property" in decorators and node.returns:
                found[node.name] = {"type": ast.unparse(node.returns), "writable": False, "doc": docstring(node)}
            elif f"{node.name}.setter" in decorators:
                found[node.name]["writable"] = True
            elif node.name.startswith("__"):
                found[node.name] = {}
            else:
                overloads = found.setdefault(node.name, {"parameters": {}, "doc": docstring(node)})["parameters"]
                overloads |= parameters(node.args, is_optional="overload" in decorators)
    return found


def docstring(node: ast.ClassDef | ast.FunctionDef) -> str | None:
    """The docstring of a class or function in one line; of overloads, the first has it."""
    text = ast.get_docstring(node)
    return in_one_line(text) if text else None


def parameters(arguments: ast.arguments, *, is_optional: bool) -> dict[str, bool]:
    """The parameters by name, and whether each can be left out."""
    names = [one.arg for one in arguments.args if one.arg != "self"]
    required = len(names) - len(arguments.defaults)
    return {name: index >= required or (is_optional and index > 0) for index, name in enumerate(names)}


def allows(annotation: str, kind: str) -> bool:
    """Whether a value of a type, given by its name, fits an annotation."""
    if annotation.startswith("Literal") and kind == "str":
        return True
    names = {"PyCapsule": "CapsuleType"}  # as typing_extensions has it
    return bool({names.get(kind, kind.removesuffix("Type")), "Any"} & set(re.findall(r"\w+", annotation)))
