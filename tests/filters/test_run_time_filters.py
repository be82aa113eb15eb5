"""req.add_output_filter and its kin: filters that a handler gives to its own request."""

import gzip

from http1 import get, post, responses
from httpd import Httpd
from versions import Get

NAMES = ["functions", "names", "declared", "same_name", "errors", "failing", "missing", "read"]
NAMES += ["content_length"]
CONF = (
    "".join(
        f"""
        <Location "/{name}">
            SetHandler mod_python
            PythonHandler run_time_filters::{name}
        </Location>
        """
        for name in NAMES
    )
    + """
    PythonOutputFilter run_time_filters::tail Declared
    PythonOutputFilter connection_filters::same WIRE kind=connection
    PythonOutputFilter connection_filters::upper PLAIN_WIRE kind=connection
    <Location "/names">
        PythonOption dir "${HTDOCS}"
    </Location>
    <Location "/early">
        PythonTypeHandler run_time_filters::early
    </Location>
    """
)


def test_w17_functions_and_other_callables(httpd: Httpd) -> None:
    tail = " <Tail run_time_filters::tail 0 None>"
    assert httpd.get("/functions").text == f"body{tail}{tail} more".replace("o", "0")


def test_names_of_functions(httpd: Httpd) -> None:
    text = httpd.get("/names").text
    assert text.startswith("BODY")
    assert "<b run_time_filters::tail 0 None>" in text
    assert text.endswith(str(httpd.htdocs))


def test_w69_declared_ones_and_those_of_httpd(httpd: Httpd) -> None:
    answer = httpd.get("/declared", {"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body) == b"body <Declared run_time_filters::tail 0 None>"


def test_the_filter_for_lengths_is_in_each_chain_and_can_be_added(get: Get) -> None:
    answer = get("/content_length")
    assert (answer.headers["Content-Length"], answer.body) == ("7", b"content")
    assert len(get("/content_length?100000").body) == 100_007


def test_b70_what_the_request_registered_comes_first(httpd: Httpd) -> None:
    assert httpd.get("/same_name").text == "body <DECLARED run_time_filters::tail 0 None>"


def test_o33_what_cannot_be_added_says_why(get: Get) -> None:
    lines = get("/errors").text.splitlines()
    assert lines == [
        "ValueError: there is no output filter 'no_such_filter': load the module that has it, or declare it with "
        "PythonOutputFilter",
        "ValueError: there is no input filter 'no_such_filter': load the module that has it, or declare it with "
        "PythonInputFilter",
        "ValueError: filter WIRE is of kind=connection: it cannot be added to a request",
        "ValueError: filter PLAIN_WIRE is of kind=connection: it cannot be added to a request",
        "ValueError: 'no handler' does not name a handler: write module or module::function, as in "
        "shop.pages::handler, or the path of a module's file",
        "TypeError: a handler is a function or its name, as in 'module::function', not int",
        "TypeError: a handler is a function or its name, as in 'module::function', not NoneType",
        "TypeError: expected str or bytes, not NoneType",
    ]


def test_a_failure_is_a_500(httpd: Httpd) -> None:
    httpd.expect(
        "filter failing \\(run_time_filters::fail\\) of req.register_output_filter\\(\\) failed", "at run time"
    )
    assert httpd.get("/failing").status == 500


def test_a_function_that_is_not_there(httpd: Httpd) -> None:
    httpd.expect("filter missing .* failed", "AttributeError")
    assert httpd.get("/missing").status == 500


def test_i10_input(httpd: Httpd) -> None:
    data = httpd.raw(post("/read", b"abc") * 3 + post("/read", [b"abc", b"def"], "Connection: close"))
    assert [answer.text for answer in responses(data)] == ["None ABCABC"] * 3 + ["None ABCABCDEFDEF"]


def test_of_an_earlier_phase(httpd: Httpd) -> None:
    httpd.write("early/a.txt", "file")
    assert httpd.get("/early/a.txt").text == "file <early run_time_filters::tail 0 None>"
    head = httpd.request("HEAD", "/early/a.txt")
    assert (head.status, head.headers["Accept-Ranges"]) == (200, "none")


def test_they_are_of_one_request_only(httpd: Httpd) -> None:
    httpd.write("a.txt", "file")
    data = httpd.raw(get("/functions") + get("/a.txt", "Connection: close"))
    assert responses(data)[1].body == b"file"
