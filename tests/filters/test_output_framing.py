"""Output filters, bucket by bucket: what goes in comes from mod_probe.c, which also logs what comes out."""

import re

import pytest

from httpd import Httpd
from probe import PROBE_CONF, passed
from versions import Get

FILTERS = (
    "upper by_line single_read classic frame tail events reads_none reads_one pass_on pass_on_after_read disable "
    "disable_later close_early unchanged flushes"
).split()
CONF = (
    PROBE_CONF
    + """
    PythonOutputFilter output_filters::sizes sizes
    <Location "/files">
        SetOutputFilter sizes
    </Location>
    """
    + "".join(
        f"""
    <Location "/{name}">
        SetHandler probe
        PythonOutputFilter output_filters::{name} {name}
        SetOutputFilter {name};PROBE
    </Location>
    """
        for name in [*FILTERS, "writes"]
    )
)


def test_o1_an_empty_brigade_changes_nothing(httpd: Httpd, get: Get) -> None:
    assert get("/events?b,d:one,b,b,d:two,b,e,b").text == "onetwo"
    calls = re.findall(r"events: (.*)", httpd.log())
    assert calls == ["b'one' b''", "b'two' b''", "None"]
    assert passed(httpd) == ["HEAP=3", "HEAP=3", "EOS"]


def test_o2_an_empty_brigade_is_never_passed(httpd: Httpd, get: Get) -> None:
    # Everything is held until the end, so most calls have nothing to pass.
    assert get("/tail?b,d:one,b,z,b,d:two,b,e").text == "ONETWO!"
    assert passed(httpd) == ["HEAP=7 EOS"]


def test_o4_unknown_types_and_lengths(get: Get) -> None:
    assert get("/upper?u:one,d:two,u:three,e").text == "ONETWOTHREE"
    assert get("/by_line?u:one,d:two,u:three,e").text == "[onetwothree]"


@pytest.mark.parametrize("name", ["upper", "single_read", "by_line"])
def test_o5_data_of_length_zero_is_legal(get: Get, name: str) -> None:
    expected = "[onetwo]" if name == "by_line" else "ONETWO"
    assert get(f"/{name}?z,d:one,z,z,d:two,z,e").text == expected
    assert get(f"/{name}?z,e").text == ""


def test_o8_flush_keeps_its_place(httpd: Httpd, get: Get) -> None:
    assert get("/upper?d:one,f,d:two,f,f,d:three,e").text == "ONETWOTHREE"
    assert " ".join(passed(httpd)) == "HEAP=3 FLUSH HEAP=3 FLUSH FLUSH HEAP=5 EOS"


def test_o8_flush_releases_what_came_before_it(httpd: Httpd, get: Get) -> None:
    get("/upper?d:one,f,d:two,b,d:three,e")
    assert passed(httpd) == ["HEAP=3 FLUSH", "HEAP=3", "HEAP=5 EOS"]


def test_w57_after_a_flush_the_rest_of_the_brigade_is_read(httpd: Httpd) -> None:
    httpd.get("/events?d:one,f,d:two,e")
    assert re.findall(r"events: (.*)", httpd.log()) == ["b'one' b''", "b'two' None"]


def test_o9_metadata_keeps_its_place(httpd: Httpd, get: Get) -> None:
    get("/upper?m,d:one,m,m,d:two,f,m,d:three,m,e")
    assert " ".join(passed(httpd)) == "PROBE HEAP=3 PROBE PROBE HEAP=3 FLUSH PROBE HEAP=5 PROBE EOS"


def test_o9_metadata_alone_goes_by(httpd: Httpd, get: Get) -> None:
    get("/events?d:one,b,m,b,e,m")
    assert passed(httpd) == ["HEAP=3", "PROBE", "EOS PROBE"]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("query", ["d:one,e", "d:one,b,e", "e", "d:one,f,b,d:two,f,e", "d:one,b,d:two"])
def test_o10_eos_exactly_once(httpd: Httpd, get: Get, name: str, query: str) -> None:
    get(f"/{name}?{query}")
    assert "".join(passed(httpd)).count("EOS") == 1


@pytest.mark.parametrize("name", ["upper", "classic", "frame", "reads_none", "pass_on"])
def test_o10_what_follows_the_end_is_none_of_the_body(httpd: Httpd, get: Get, version: str, name: str) -> None:
    before = len(httpd.requests())
    answer = get(f"/{name}?d:one,e,d:two,m,b,d:three,e,b,m,e").text
    assert re.fullmatch("<?one>?", answer.lower())
    httpd.wait_for_request(f"200 GET /{name}?", before)  # what follows the end may still be on its way
    assert "".join(passed(httpd)).count("EOS") == 1
    # HTTP/2 may take nothing more once the answer is whole, and a filter stops where nothing is taken (O16).
    assert " ".join(passed(httpd)).count("PROBE") in ((1, 2) if version == "2" else (2,))


def test_o11_a_tail_goes_out_before_the_end_and_is_counted(get: Get) -> None:
    response = get("/tail?d:one,b,d:two,b,e")
    assert response.text == "ONETWO!"
    assert response.headers["Content-Length"] == "7"
    assert response.headers["Transfer-Encoding"] is None


def test_o12_an_end_without_data(get: Get) -> None:
    assert get("/frame?e").text == "<>"
    assert get("/classic?e").text == ""
    assert get("/single_read?e").text == ""


@pytest.mark.parametrize("kind", "ditu")
def test_o13_what_is_kept_outlives_its_bucket(get: Get, kind: str) -> None:
    # The handler overwrites the memory of transient buckets as soon as they were passed.
    assert get(f"/tail?{kind}:first,b,{kind}:second,b,e").text == "FIRSTSECOND!"
    assert get(f"/unchanged?{kind}:first,b,{kind}:second,b,e").text == "firstsecond"


def test_a_piece_written_back_goes_on_in_its_bucket(httpd: Httpd) -> None:
    httpd.get("/unchanged?i:first,m,t:second,e")
    assert passed(httpd) == ["IMMORTAL=5 PROBE TRANSIENT=6 EOS"]


def test_neighbours_are_read_as_one_piece(httpd: Httpd) -> None:
    assert httpd.get("/unchanged?i:first,t:second,e").text == "firstsecond"
    assert passed(httpd) == ["HEAP=11 EOS"]


def test_b55_one_call_for_each_brigade(httpd: Httpd) -> None:
    httpd.get("/reads_none?d:one,b,d:two,b,e")
    assert httpd.log().count("called") == 3


def test_b56_the_call_sequence_of_a_write_a_flush_and_a_write(httpd: Httpd) -> None:
    httpd.get("/events?d:one,f,b,d:two,e")
    assert re.findall(r"events: (.*)", httpd.log()) == ["b'one' b''", "b'two' None"]
    assert passed(httpd) == ["HEAP=3 FLUSH", "HEAP=3 EOS"]


def test_w58_the_end_goes_on_without_close(httpd: Httpd) -> None:
    httpd.get("/upper?d:one,b,e")
    httpd.get("/classic?d:one,b,e")
    assert passed(httpd) == ["HEAP=3", "EOS"] * 2


def test_w59_what_is_not_read_goes_on(httpd: Httpd) -> None:
    assert httpd.get("/reads_none?d:one,f,m,d:two,e").text == "onetwo"
    assert passed(httpd) == ["HEAP=3 FLUSH PROBE HEAP=3 EOS"]
    assert httpd.get("/reads_one?d:one,m,d:two,b,d:three,e").text == "ONEtwothree"


def test_a_filter_of_a_single_read_sees_all_of_the_body(httpd: Httpd) -> None:
    assert httpd.get("/single_read?d:onetwo,f,d:three,b,d:four,e").text == "ONETWOTHREEFOUR"


def test_w60_no_flush_that_nobody_asked_for(httpd: Httpd) -> None:
    for name in FILTERS:
        if name != "flushes":
            httpd.get(f"/{name}?d:one,b,d:two,b,e")
    assert "FLUSH" not in "".join(passed(httpd))


def test_flush_of_the_author(httpd: Httpd) -> None:
    httpd.get("/flushes?d:one,m,d:two,e")
    assert passed(httpd) == ["HEAP=3 FLUSH", "PROBE HEAP=3 FLUSH", "EOS"]


def test_close_ends_the_response(httpd: Httpd) -> None:
    assert httpd.get("/close_early?d:onetwo,b,d:three,f,m,e").text == "ONE"
    # Metadata still goes by: other modules may wait for it.
    assert " ".join(passed(httpd)) == "HEAP=3 EOS FLUSH PROBE"


def test_pass_on_after_a_read_passes_the_rest_of_the_brigade(httpd: Httpd) -> None:
    assert httpd.get("/pass_on_after_read?d:onetwo,d:three,e").text == "ONetwothree"


@pytest.mark.parametrize("name", ["pass_on", "disable", "reads_none"])
def test_stepping_out_leaves_buckets_alone(httpd: Httpd, name: str) -> None:
    assert httpd.get(f"/{name}?u:one,m,i:two,f,z,e").text == "onetwo"
    assert passed(httpd) == ["UNKNOWN=-1 PROBE IMMORTAL=3 FLUSH IMMORTAL=0 EOS"]


def test_o29_a_filter_that_leaves_in_the_middle(httpd: Httpd, get: Get) -> None:
    assert get("/disable_later?d:one,b,u:two,b,d:three,e").text == "ONEtwothree"
    assert passed(httpd) == ["HEAP=3", "UNKNOWN=-1", "HEAP=5 EOS"]


def test_what_can_be_written(httpd: Httpd) -> None:
    assert httpd.get("/writes?e").text == "täxt array a view bytes"


def test_chunks_are_as_long_as_asked_for_and_at_most_1_mib(httpd: Httpd) -> None:
    mib = 1 << 20
    httpd.write("files/a.bin", b"x" * 4_000_000)
    assert httpd.get("/files/a.bin").body == b"x" * (4_000_000 - 5 - mib * 3 - 7)
    assert f"sizes: 5 0 {mib} {mib} 7 {mib}" in httpd.log()
