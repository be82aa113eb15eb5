"""The ETag of a 304 is that of the 200 (RFC 9110 section 15.4.5), whatever filters are declared and wherever from."""

import os
from pathlib import Path

import pytest

from httpd import Httpd
from versions import ask

MODULES = ["cache", "cache_disk"]
# What is declared, and whether the tag of an HTML page is weak then.
SECTIONS = {
    "yes": ("SetOutputFilter UPPER", True),
    "content_set": ("SetOutputFilter SET", True),
    "one": ("SetOutputFilter ONE", True),
    "no": ("SetOutputFilter NO", False),
    "no_and_yes": ("SetOutputFilter NO;UPPER", True),
    "steps": ("SetOutputFilter STEP", False),
    "steps_and_yes": ("SetOutputFilter STEP;UPPER", True),
    "typed": ("SetOutputFilter HTML", True),
    "typed_other": ("SetOutputFilter PLAIN", False),
    "by_type": ("AddOutputFilterByType UPPER text/html", True),
    "by_type_no": ("AddOutputFilterByType NO text/html", False),
    "by_type_steps": ("AddOutputFilterByType STEP text/html", False),
    "by_type_other": ("AddOutputFilterByType UPPER text/plain", False),
    "by_type_tail": ("AddOutputFilterByType TAIL text/html", True),
    "protocol": ("SetOutputFilter PROTOCOL", True),
    "protocol_by_type": ("AddOutputFilterByType PROTOCOL text/html", True),
}
# Where the configuration alone does not say it, as the filter decides, or mod_filter does.
OPEN = {"steps", "by_type", "by_type_no", "by_type_steps", "by_type_other", "by_type_tail"}
SOURCES = ["file", "proxy", "sends", "returns"]
CONF = """
FileETag MTime Size
PythonOutputFilter output_filters::upper UPPER
PythonOutputFilter output_filters::upper SET kind=content_set
PythonOutputFilter length_filters::upper ONE change=1:1
PythonOutputFilter length_filters::same NO change=no
PythonOutputFilter output_filters::disable STEP
PythonOutputFilter output_filters::upper HTML types=text/html
PythonOutputFilter output_filters::upper PLAIN types=text/plain
PythonOutputFilter output_filters::tail TAIL
PythonOutputFilter length_filters::plain_upper PROTOCOL kind=protocol
<Location "/origin">
    ForceType text/html
</Location>
CacheRoot "${STATE}/cache"
CacheEnable disk /cached
""" + "".join(
    f"""
        Alias "/{prefix}{name}/file" "${{HTDOCS}}/origin"
        <Location "/{prefix}{name}">
            {line}
        </Location>
        <Location "/{prefix}{name}/proxy">
            ProxyPass http://127.0.0.1:${{PORT}}/origin
        </Location>
        <LocationMatch "^/{prefix}{name}/(sends|returns)">
            SetHandler mod_python
            PythonHandler tag_sources
        </LocationMatch>
        """
    for name, (line, _) in SECTIONS.items()
    for prefix in ("", "cached/", "first/")
)
PAGE = "<p>page</p>"
CASES = [(name, source) for name in SECTIONS for source in SOURCES]
HEADS = [case for case in CASES if case[0] not in OPEN]
# Whose tag is strong in a 304 before any 200, too: the filter changes nothing, or the type is known as another one.
SURE = [case for case in CASES if case[0] in ("no", "by_type_no") or (case[0] == "typed_other" and case[1] != "proxy")]
CONDITIONS = ["date", "any"]


@pytest.fixture(scope="module", autouse=True)
def _files(httpd: Httpd) -> None:
    """A page that is old enough for a strong ETag, and a cache."""
    for name in ("a.html", "page"):
        os.utime(httpd.write(f"origin/{name}", PAGE), (1_700_000_000, 1_700_000_000))
    cache = Path(httpd.variables["STATE"]) / "cache"
    cache.mkdir()
    cache.chmod(0o777)


def path(name: str, source: str) -> str:
    # No name tells mod_mime the type of what another server has. Handlers have no file.
    return f"/{name}/{source}" + {"file": "/a.html", "proxy": "/page"}.get(source, "")


@pytest.mark.parametrize(("name", "source"), CASES)
def test_o24_the_tag_of_a_304_is_that_of_the_200(httpd: Httpd, version: str, name: str, source: str) -> None:
    full = ask(httpd, version, path(name, source))
    tag = full.headers["ETag"]
    assert (full.status, tag.startswith("W/")) == (200, SECTIONS[name][1])
    for condition in (tag, f'"other", {tag}', f'{tag}, W/"other"'):
        same = ask(httpd, version, path(name, source), "-H", f"If-None-Match: {condition}")
        assert (same.status, same.headers["ETag"], same.body) == (304, tag, b"")


def without_tag(condition: str) -> dict[str, str]:
    """A condition that does not say what tag the client knows."""
    date = "Tue, 14 Nov 2023 22:13:20 GMT"
    return {"If-Modified-Since": date} if condition == "date" else {"If-None-Match": "*"}


@pytest.mark.parametrize(("name", "source"), CASES)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_o24_without_a_known_tag_it_is_that_of_the_last_200(
    httpd: Httpd, version: str, name: str, source: str, condition: str
) -> None:
    full = ask(httpd, version, path(name, source))
    (header, value), *_ = without_tag(condition).items()
    for option in ((), ("--head",)):
        same = ask(httpd, version, path(name, source), *option, "-H", f"{header}: {value}")
        assert (same.status, same.headers["ETag"], same.body) == (304, full.headers["ETag"], b"")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", SECTIONS)
def test_o24_before_a_200_the_tag_is_weak_if_it_may_be(httpd: Httpd, name: str, source: str) -> None:
    first = [httpd.get(f"/first{path(name, source)}", without_tag(condition)) for condition in CONDITIONS]
    for same in first:
        assert (same.status, same.headers["ETag"].startswith("W/")) == (304, (name, source) not in SURE)
    tag = httpd.get(f"/first{path(name, source)}").headers["ETag"]
    assert tag.removeprefix("W/") == first[0].headers["ETag"].removeprefix("W/")
    for condition in CONDITIONS:
        assert httpd.get(f"/first{path(name, source)}", without_tag(condition)).headers["ETag"] == tag


@pytest.mark.parametrize(("name", "source"), HEADS)
def test_o23_the_tag_of_head_is_that_of_get(httpd: Httpd, name: str, source: str) -> None:
    full, head = httpd.get(path(name, source)), httpd.request("HEAD", path(name, source))
    assert (head.status, head.headers["ETag"]) == (200, full.headers["ETag"])


@pytest.mark.parametrize("name", SECTIONS)
def test_o24_a_cache_asks_once(httpd: Httpd, name: str) -> None:
    start = len(httpd.requests())
    full = httpd.get(f"/cached{path(name, 'proxy')}")
    for line in ("200 GET /cached", "200 GET /origin/"):
        httpd.wait_for_request(line, start)
    before = len(httpd.requests())
    again = httpd.get(f"/cached{path(name, 'proxy')}", {"Cache-Control": "max-age=0"})
    for line in ("200 GET /cached", "304 GET /origin/"):
        httpd.wait_for_request(line, before)
    asked = [line for line in httpd.requests()[before:] if " GET /origin/" in line]
    assert [line.split()[0] for line in asked] == ["304"]
    assert (again.status, again.body, again.headers["ETag"]) == (200, full.body, full.headers["ETag"])
    assert again.headers["Content-Length"] in (None, str(len(full.body)))


@pytest.mark.parametrize("source", ["file", "sends", "returns"])
@pytest.mark.parametrize("name", SECTIONS)
def test_o24_a_cache_before_a_source_keeps_what_it_has(httpd: Httpd, name: str, source: str) -> None:
    full = httpd.get(f"/cached{path(name, source)}")
    for _ in range(2):
        again = httpd.get(f"/cached{path(name, source)}", {"Cache-Control": "max-age=0"})
        assert (again.status, again.body, again.headers["ETag"]) == (200, full.body, full.headers["ETag"])
        assert again.headers["Content-Length"] in (None, str(len(full.body)))


# httpd's quick handler serves what is fresh in a cache without the filters behind it that a section declares.
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", [name for name in SECTIONS if not name.startswith("protocol")])
def test_o24_a_cache_answers_with_the_tag_of_the_200(httpd: Httpd, name: str, source: str) -> None:
    tag = httpd.get(f"/cached{path(name, source)}").headers["ETag"]
    for age in ({}, {"Cache-Control": "max-age=0"}):
        for condition in CONDITIONS:
            same = httpd.get(f"/cached{path(name, source)}", without_tag(condition) | age)
            assert (same.status, same.headers["ETag"]) == (304, tag)
