"""httpd's tables as Python sees them."""

import json
import re
from typing import Any

import pytest

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
SetEnv FROM_CONF yes
PythonOption Color red
PythonOption Size 9
"""


def call(httpd: Httpd, name: str, headers: dict[str, str] | None = None) -> Any:
    answer = httpd.get(f"/call/tables/{name}", headers)
    assert answer.status == 200
    return json.loads(answer.text)


@pytest.fixture
def seen(httpd: Httpd) -> Any:
    """What tables.request sees of a request with a repeated header that httpd does not merge."""
    raw = b"GET /call/tables/request HTTP/1.0\r\nX-One: 1\r\nX-Two: 2\r\nX-Three:\r\nX-two: 3\r\n\r\n"
    return json.loads(httpd.raw(raw).partition(b"\r\n\r\n")[2])


def test_keys_ignore_case_and_may_be_bytes(seen: Any) -> None:
    assert seen["get"] == ["1", "1", None, "other"]
    assert seen["in"] == [True, True, False, False, True]
    # httpd joins repeated headers of a request.
    assert seen["item"] == ["1", "1", "2, 3"]
    assert seen["get_all"] == [["2, 3"], []]


def test_it_is_in_order(seen: Any) -> None:
    assert seen["pairs"] == [["X-One", "1"], ["X-Two", "2, 3"], ["X-Three", ""]]
    assert seen["keys"] == ["X-One", "X-Two", "X-Three"]
    assert seen["len"]
    assert seen["copy"] == "mp_table"


def test_missing_and_wrong_keys(seen: Any) -> None:
    assert seen["missing"] == "KeyError: 'x-none'"
    assert seen["wrong key"] == "TypeError: expected str or bytes, not int"


def test_it_is_a_mutable_mapping(httpd: Httpd) -> None:
    seen = call(httpd, "mapping")
    assert seen["empty"] == [0, False, []]
    # As APR does it: the first key keeps its case and place.
    assert [value for _, value in seen["set"]] == ["2"]
    assert [value for _, value in seen["add"][0]] == ["2", "3"]
    assert seen["add"][1:] == [["2", "3"], "2"]
    assert [value for _, value in seen["set again"]] == ["4"]
    assert seen["setdefault"] == ["4", "6", ""]
    assert seen["setdefault of a number"] == ["5", "5"]
    assert [value for _, value in seen["update"]] == ["4", "7", "", "8", "9"]
    assert seen["pop"][:3] == ["7", None, "KeyError: 'b'"]
    assert seen["del"] == [["c", ""], ["d", "8"], ["e", "9"]]
    assert seen["repr"] == "{'c': '', 'd': '8', 'e': '9'}"
    assert seen["isinstance"]


def test_w99_line_ends_and_nul_are_refused(httpd: Httpd) -> None:
    seen = call(httpd, "refused")
    for name, said in seen.items():
        if name.endswith(("cr", "lf", "bytes")):
            assert said == "ValueError: a line end in a header name or value", name
        elif name.endswith("nul"):
            assert said == "ValueError: a NUL in a text for httpd", name
    assert seen["object"] == seen["update object"] == "TypeError: expected str or bytes, not list"
    assert seen["None"] == "TypeError: expected str or bytes, not NoneType"
    assert seen["left"] == "None"


def test_headers_of_the_response(httpd: Httpd) -> None:
    head = httpd.raw(b"GET /call/tables/response HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[0] + b"\r\n"
    assert b"\r\nX-Single: \xc3\xa9\r\n" in head
    assert b"\r\nX-Double: 1\r\n" in head
    assert b"\r\nx-double: 2\r\n" in head
    assert b"\r\nX-Error: here, too\r\n" in head
    assert b"X-Gone" not in head


def test_iteration_is_over_the_keys_as_they_were(httpd: Httpd) -> None:
    assert call(httpd, "changed_while_iterated") == [20]


def test_values_outlive_the_growth_of_the_table(httpd: Httpd) -> None:
    assert call(httpd, "many") is True


def test_environment(httpd: Httpd) -> None:
    assert call(httpd, "environment") == "yes"


def test_identity_of_the_parts_of_a_request(httpd: Httpd) -> None:
    assert call(httpd, "identity") == [True] * 6


def test_classes_are_not_made_by_users(httpd: Httpd) -> None:
    for said in call(httpd, "construction"):
        assert re.match(r"TypeError: cannot create '(mp_|mod_python\.apache\.)", said)


def test_w98_b104_tables_of_ones_own(httpd: Httpd) -> None:
    seen = call(httpd, "own")
    cookies = [["Set-Cookie", "x=1"], ["set-cookie", "y=2"], ["Other", "z"]]
    assert seen["items"] == [[["a", "1"], ["B", "2"]], cookies, [], [["k", "v"]]]
    assert seen["same class"]
    assert seen["copy"] == [cookies, True, cookies]
    assert seen["dict"] == {"Set-Cookie": ["x=1", "y=2"], "set-cookie": ["x=1", "y=2"], "Other": "z"}
    assert seen["equal"] == [True, True, True, False, False, True]
    assert seen["hash"] == "TypeError: unhashable type: 'mp_table'"
    assert seen["order"].startswith("TypeError: '<' not supported")
    assert seen["iterators"] == [["Set-Cookie", "set-cookie", "Other"], ["x=1", "y=2", "z"], cookies]
    assert seen["update"] == [["a", "1"], ["B", "2"], *cookies]
    assert seen["update again"] == [["a", "1"], ["B", "2"], *cookies[:2], ["Other", "1"], ["OTHER", "2"]]


def test_w101_popitem_removes_what_it_gives(httpd: Httpd) -> None:
    seen = call(httpd, "own")
    first, second, third = ["Set-Cookie", "x=1"], ["set-cookie", "y=2"], ["Other", "z"]
    assert seen["popitem"] == [third, [first, second], second, [first], first, []]
    assert seen["empty"] == "KeyError: 'the table is empty'"


def test_w98_w99_what_no_table_takes(httpd: Httpd) -> None:
    seen = call(httpd, "own")
    wrong = "a table takes a mapping, or pairs of a key and a value"
    assert seen["wrong number"] == seen["wrong number in it"] == f"TypeError: {wrong}"
    assert seen["wrong three"] == f"ValueError: {wrong}"
    assert seen["wrong value"] == "TypeError: expected str or bytes, not list"
    assert seen["wrong none"] == "TypeError: expected str or bytes, not NoneType"
    assert seen["wrong nul"] == "ValueError: a NUL in a text for httpd"
    assert seen["wrong two"] == seen["wrong keyword"] == "TypeError: mp_table takes one argument at most: items"
    assert seen["unchanged"].endswith("a NUL in a text for httpdNone")


def test_w100_keys_compare_plainly(httpd: Httpd) -> None:
    assert call(httpd, "own")["blanks"] == ["KeyError: 'ab'", None, False, True]


def test_old_programs_ways(httpd: Httpd) -> None:
    seen = call(httpd, "old_ways")
    assert seen["line ends"] == [True] * 4
    assert seen["numbers"] == [["a", "1"], ["b", "2.5"], ["c", "3"], ["c", "4"]]
    assert seen["repr"] == ["{'a': '1', 'b': '2.5', 'c': '3', 'c': '4'}", "{}"]
    assert seen["None"] == "AttributeError: 'NoneType' object has no attribute 'items'"
    wrong = "TypeError: mp_table takes one argument at most: items"
    assert seen["derived"] == ["form:1", "2", "kept", "1", wrong, 0]
    assert seen["as a table"] == [[["a", "1"], ["b", "2"]], True, "mp_table"]
    assert seen["_apache"] == [True, True]


def test_w103_copies_outlive_their_request(httpd: Httpd) -> None:
    call(httpd, "lasting?keep")
    seen = call(httpd, "lasting")
    assert seen["thread"] == [[["made", "elsewhere"]]]
    assert seen["copies"] == [f"localhost:{httpd.port}", "here"]


def test_a_changed_copy_of_the_options_is_its_owners(httpd: Httpd) -> None:
    blue = [["Color", "blue"], ["color", "green"]]
    for _ in range(2):
        assert call(httpd, "options") == [[["Color", "red"], ["Size", "9"]], blue, [], []]


def test_a_table_of_pythons_own_needs_no_pool(httpd: Httpd) -> None:
    # A pool touches 4 KiB at least.
    assert max(call(httpd, "kept")) < 5000 * 2048
