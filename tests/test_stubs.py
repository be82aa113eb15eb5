"""python/mod_python/_apache.pyi tells type checkers what there is: every name, attribute and parameter, and no more."""

import ast
import json
import re
from typing import Any

import pytest

from httpd import Httpd
from server import PROJECT

CONF = """
<Location "/reality">
    SetHandler mod_python
    PythonHandler stubs_reality
</Location>
<Location "/filter.txt">
    PythonOutputFilter stubs_reality REALITY
    SetOutputFilter REALITY
</Location>
"""

Members = dict[str, dict[str, Any]]
CLASSES = ["Request", "Connection", "Server", "Filter", "Bucket", "FileInfo", "table"]
# What a type checker has to know of open classes, and CPython does by itself.
OPEN = {"__getattr__", "__setattr__"}


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
    stub = {member: said for member, said in stub_of(name).items() if member not in OPEN}
    assert sorted(reality[name]) == sorted(stub)
    for member, real in reality[name].items():
        assert real.get("parameters") == stub[member].get("parameters"), member
        assert real.get("writable") == stub[member].get("writable"), member
        if "type" in real:
            assert allows(stub[member]["type"], real["type"]), f"{member}: {real['type']}"


@pytest.mark.parametrize("name", CLASSES)
def test_all_have_docstrings(reality: dict[str, Members], name: str) -> None:
    assert not [member for member, real in reality[name].items() if real and not real["doc"]]


def stub_of(name: str) -> Members:
    """What the stub says of a class, or of the module (`names`)."""
    tree = ast.parse((PROJECT / "python/mod_python/_apache.pyi").read_text())
    if name == "names":
        return said(tree.body)
    (class_,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return said(class_.body)


def said(body: list[ast.stmt]) -> Members:
    """The names that statements of the stub define; of overloads, all parameters together."""
    found: Members = {}
    for node in body:
        if isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.target)] = {"type": ast.unparse(node.annotation), "writable": True}
        elif isinstance(node, ast.ClassDef):
            found[node.name] = {}
        elif isinstance(node, ast.FunctionDef):
            decorators = [ast.unparse(one) for one in node.decorator_list]
            if "property" in decorators and node.returns:
                found[node.name] = {"type": ast.unparse(node.returns), "writable": False}
            elif f"{node.name}.setter" in decorators:
                found[node.name]["writable"] = True
            elif node.name.startswith("__"):
                found[node.name] = {}
            else:
                overloads = found.setdefault(node.name, {"parameters": {}})["parameters"]
                overloads |= parameters(node.args, is_optional="overload" in decorators)
    return found


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
