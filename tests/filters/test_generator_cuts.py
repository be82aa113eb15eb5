"""Streaming output filters do not notice where a body is cut."""

import pytest

from cuts import answers, cut_everywhere
from httpd import Httpd

BODY = b"a secret is no secretsecret, sec\nret: se\0cret\n\nends in secre"
LINES = b"".join(b"[" + line + b"]" for line in BODY.splitlines(keepends=True))
EXPECTED = {
    "identity": BODY,
    "upper": BODY.upper(),
    "tail": BODY + b"<!-- tail -->",
    "lines": LINES,
    "by_threes": BODY,
    "peek": b"(a sec)" + BODY,
    "peek_within": BODY,
    "whole": BODY.upper(),
    "first_then_rest": BODY,
    "first_then_lines": BODY,
    "hide": BODY.replace(b"secret", b"..."),
    "hide_many": b"a 22 is no , 1c\n555555: 1\x004t\n\nends in 14",
    "hide_twice": BODY.replace(b"secret", b"...", 2),
    "flushes": BODY.upper(),
    "buffers": BODY,
    "empty": b"",
    "doubled": None,
}
CONF = "".join(
    f"""
    <Location "/{name}">
        PythonOutputFilter streaming_filters::{name} {name}
        SetOutputFilter BUCKETEER;{name}
    </Location>
    """
    for name in [*EXPECTED, "short_lines"]
)


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if expected is not None])
def test_o3_the_cut_law(httpd: Httpd, name: str) -> None:
    for cut, answer in answers(httpd, f"{name}/cut.txt", cut_everywhere(BODY)):
        assert answer == EXPECTED[name], cut


def test_o3_doubled_pieces_have_all_bytes_twice(httpd: Httpd) -> None:
    for cut, answer in answers(httpd, "doubled/cut.txt", cut_everywhere(BODY)):
        assert sorted(answer) == sorted(BODY + BODY), cut


def test_o3_long_lines_are_cut_at_the_limit(httpd: Httpd) -> None:
    body = b"ab\nabcd\nabcde\n\nabc"
    expected = b"[ab\n][abcd][\n][abcd][e\n][\n][abc]"
    for cut, answer in answers(httpd, "short_lines/cut.txt", cut_everywhere(body)):
        assert answer == expected, cut
