"""Streaming output filters, bucket by bucket: the rules of test_output_framing, which its plain functions obey."""

import re

import pytest

from httpd import Httpd
from probe import PROBE_CONF, passed
from versions import Get

FILTERS = ["identity", "upper", "tail", "lines", "by_threes", "whole", "hide", "empty", "flushes", "first_then_rest"]
ENDS = ["returns", "passes_on", "passes_on_after_read", "passes_on_after_yield", "early", "early_without_yield"]
CONF = PROBE_CONF + "".join(
    f"""
    <Location "/{name}">
        SetHandler probe
        PythonOutputFilter {module}::{name} {name}
        SetOutputFilter {name};PROBE
    </Location>
    """
    for module, names in {"streaming_filters": FILTERS, "streaming_ends": ENDS}.items()
    for name in names
)


def test_o1_an_empty_brigade_changes_nothing(httpd: Httpd, get: Get) -> None:
    assert get("/upper?b,d:one,b,b,d:two,b,e,b").text == "ONETWO"
    assert passed(httpd) == ["HEAP=3", "HEAP=3", "EOS"]


def test_o2_an_empty_brigade_is_never_passed(httpd: Httpd, get: Get) -> None:
    # All is held until the end, so most calls have nothing to pass.
    assert get("/whole?b,d:one,b,z,b,d:two,b,e").text == "ONETWO"
    assert passed(httpd) == ["HEAP=6 EOS"]


def test_o4_unknown_types_and_lengths(get: Get) -> None:
    assert get("/upper?u:one,d:two,u:three,e").text == "ONETWOTHREE"
    assert get("/lines?u:one,d:two,u:three,e").text == "[onetwothree]"


@pytest.mark.parametrize("name", ["upper", "whole", "lines"])
def test_o5_data_of_length_zero_is_legal(get: Get, name: str) -> None:
    expected = "[onetwo]" if name == "lines" else "ONETWO"
    assert get(f"/{name}?z,d:one,z,z,d:two,z,e").text == expected
    assert get(f"/{name}?z,e").text == ""


def test_o8_flush_keeps_its_place_and_releases_what_came_before(httpd: Httpd, get: Get) -> None:
    assert get("/upper?d:one,f,d:two,f,f,d:three,e").text == "ONETWOTHREE"
    assert " ".join(passed(httpd)) == "HEAP=3 FLUSH HEAP=3 FLUSH FLUSH HEAP=5 EOS"
    assert get("/hide?d:no+sec,f,d:ret,e").text == "no+..."
    # What may become a match stays, and what cannot goes out.
    assert "HEAP=3 FLUSH HEAP=3 EOS" in " ".join(passed(httpd))


def test_o9_metadata_keeps_its_place(httpd: Httpd, get: Get) -> None:
    get("/upper?m,d:one,m,m,d:two,f,m,d:three,m,e")
    assert " ".join(passed(httpd)) == "PROBE HEAP=3 PROBE PROBE HEAP=3 FLUSH PROBE HEAP=5 PROBE EOS"


def test_o9_metadata_alone_goes_by(httpd: Httpd, get: Get) -> None:
    get("/upper?d:one,b,m,b,e,m")
    assert passed(httpd) == ["HEAP=3", "PROBE", "EOS PROBE"]


@pytest.mark.parametrize("name", [*FILTERS, *ENDS])
@pytest.mark.parametrize("query", ["d:one,e", "d:one,b,e", "e", "d:one,f,b,d:two,f,e", "d:one,b,d:two"])
def test_o10_eos_exactly_once(httpd: Httpd, get: Get, name: str, query: str) -> None:
    get(f"/{name}?{query}")
    assert "".join(passed(httpd)).count("EOS") == 1


@pytest.mark.parametrize("name", ["upper", "tail", "whole", "flushes"])
def test_o10_what_follows_the_end_is_none_of_the_body(httpd: Httpd, get: Get, version: str, name: str) -> None:
    before = len(httpd.requests())
    answer = get(f"/{name}?d:one,e,d:two,m,b,d:three,e,b,m,e").text
    assert re.fullmatch("one(<!-- tail -->)?", answer.lower())
    httpd.wait_for_request(f"200 GET /{name}?", before)  # what follows the end may still be on its way
    assert "".join(passed(httpd)).count("EOS") == 1
    # HTTP/2 may take nothing more once the answer is whole, and a filter stops where nothing is taken (O16).
    assert " ".join(passed(httpd)).count("PROBE") in ((1, 2) if version == "2" else (2,))


def test_o11_a_tail_goes_out_with_the_end(httpd: Httpd, get: Get) -> None:
    assert get("/tail?d:one,b,d:two,b,e").text == "onetwo<!-- tail -->"
    assert passed(httpd)[-1] == "HEAP=13 EOS"


def test_o12_an_end_without_data(get: Get) -> None:
    assert get("/tail?e").text == "<!-- tail -->"
    for name in ("upper", "whole", "lines"):
        assert get(f"/{name}?e").text == ""


@pytest.mark.parametrize("kind", "ditu")
def test_o13_what_is_kept_outlives_its_bucket(get: Get, kind: str) -> None:
    # The handler overwrites the memory of transient buckets as soon as they were passed.
    assert get(f"/whole?{kind}:first,b,{kind}:second,b,e").text == "FIRSTSECOND"
    assert get(f"/passes_on_after_read?{kind}:first,b,{kind}:second,b,e").text == "firstsecond"
    assert get(f"/identity?{kind}:first,b,{kind}:second,b,e").text == "firstsecond"


@pytest.mark.parametrize("name", ["returns", "passes_on", "passes_on_after_read"])
def test_o29_stepping_out_leaves_buckets_alone(httpd: Httpd, get: Get, name: str) -> None:
    assert get(f"/{name}?i:onetwothree,m,i:two,f,e").text == "onetwothreetwo"
    assert "PROBE IMMORTAL=3 FLUSH EOS" in " ".join(passed(httpd))


def test_o29_a_filter_that_leaves_in_the_middle(httpd: Httpd, get: Get) -> None:
    assert get("/passes_on_after_yield?d:one,b,u:two,b,d:three,e").text == "ONEtwothree"
    assert passed(httpd) == ["HEAP=3", "UNKNOWN=-1", "HEAP=5 EOS"]


def test_o31_state_is_made_for_each_response(get: Get) -> None:
    for _ in range(3):
        assert get("/first_then_rest?d:on,b,d:e,e").text == "one"
