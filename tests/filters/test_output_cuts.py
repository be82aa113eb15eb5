"""Output filters do not notice where a body is cut: mod_bucketeer cuts it at every place in every way."""

import pytest

from httpd import Httpd

BODY = b"a secret is no secretsecret, sec\nret: se\0cret ends in secre"
CUTS = {"bucket": b"\x02", "brigade": b"\x10", "flush": b"\x06"}
EXPECTED = {
    "upper": BODY.upper(),
    "hide": BODY.replace(b"secret", b"..."),
    "frame": b"<" + BODY + b">",
    "tail": BODY.upper() + b"!",
    "single_read": BODY.upper(),
    "unchanged": BODY,
    "flushes": BODY.upper(),
    "reads_none": BODY,
}
CONF = "".join(
    f"""
    <Location "/{name}">
        PythonOutputFilter output_filters::{name} {name}
        SetOutputFilter BUCKETEER;{name}
    </Location>
    """
    for name in EXPECTED
)


@pytest.mark.parametrize("kind", CUTS)
@pytest.mark.parametrize("name", EXPECTED)
def test_o3_one_cut_at_each_place(httpd: Httpd, name: str, kind: str) -> None:
    for place in range(len(BODY) + 1):
        httpd.write(f"{name}/cut.txt", BODY[:place] + CUTS[kind] + BODY[place:])
        assert httpd.get(f"/{name}/cut.txt").body == EXPECTED[name], place


@pytest.mark.parametrize("name", EXPECTED)
def test_o3_cuts_of_all_kinds_everywhere(httpd: Httpd, name: str) -> None:
    cuts = list(CUTS.values())
    for step in (1, 2, 3, 5):
        pieces = [BODY[start : start + step] for start in range(0, len(BODY), step)]
        for turn in range(len(cuts) + 1):
            cut = [b"".join(cuts)] if turn == len(cuts) else [*cuts[turn:], *cuts[:turn]]
            body = b"".join(piece + cut[number % len(cut)] for number, piece in enumerate(pieces))
            httpd.write(f"{name}/cuts.txt", body)
            assert httpd.get(f"/{name}/cuts.txt").body == EXPECTED[name], (step, turn)
