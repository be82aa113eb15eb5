"""Runs a filter once, or in all the ways that must have the same result."""

import gzip
from collections.abc import Iterable, Mapping
from typing import Literal

from mod_python.testing.bench import Bench, Function, Setting
from mod_python.testing.cuts import FLUSH, Cut, all_cuts
from mod_python.testing.result import Result

WAYS: tuple[tuple[str, ...], ...] = (
    ("8192",),
    ("1",),
    ("7",),
    ("line",),
    ("8192?",),
    ("3?",),
    ("line?",),
    ("peek5", "8192"),
    ("line", "3", "peek4", "8192"),
)
"""Ways to read a body, as in `Bench.read`: in blocks, bytes and lines, blocking or not."""
_TIME_OUT = 70007  # APR_TIMEUP


class CutsDifferError(AssertionError):
    """The result of a filter depends on how the body is cut, or on how it is read."""


class MannersError(AssertionError):
    """The module broke a rule of httpd's API. This is a bug of mod_python: please report it."""


def run(
    filter: Function,
    body: bytes = b"",
    *,
    cuts: Literal["one", "all"] | Iterable[Cut] = "one",
    input: bool = False,
    headers: Mapping[str, str] | None = None,
    content_type: str = "text/html",
    encoding: str | None = None,
    options: Mapping[str, str] | None = None,
    keys: str = "",
    method: str = "GET",
) -> Result:
    """Pass a body through a filter, and return the result.

    Args:
        filter: the filter's function: plain, or an async generator function.
        body: the body of a response, or of a request for an input filter.
        cuts: "one" gives it in one piece. "all" does that, then in pieces: each kind of cut at each place, and for
            input filters each way of reading; then with a failure at each place: the body ends early, or the client
            closes the connection. Or an iterable of cuts; then `body` is not used.
        input: whether it is an input filter.
        headers: of the response; of the request for an input filter.
        content_type: of the response.
        encoding: the content coding of the response, such as "gzip". With the key encoding=decode, a gzip `body` (of
            a response, or of a request with such a header) is decoded first; `cuts` are those of the decoded body.
        options: names and values of PythonOption.
        keys: the keys of the filter's directive, such as "encoding=any held=64K".
        method: of the request.

    Returns:
        The result; the same for all cuts.

    Raises:
        CutsDifferError: body, status or error depend on the cut; of a body that fails, the length may. Or the output
            before a failure is no beginning of the output without it.
        MannersError: the module broke a rule of httpd's API.
        ValueError: keys or options are wrong; the text is httpd's message.
        gzip.BadGzipFile, EOFError: the body that is to be decoded is broken.
    """
    if "encoding=decode" in keys.lower().split():
        body, headers, encoding = _decoded(body, headers, encoding)
    setting = Setting(
        input=input,
        headers={"Content-Length": str(len(body))} if headers is None else headers,
        content_type=content_type,
        encoding=encoding,
        options=options or {},
        keys=keys,
        method=method,
    )
    if cuts == "one":
        return _once(filter, setting, [body])
    if cuts != "all":
        assert not isinstance(cuts, str), f"cuts={cuts!r}: write 'one', 'all', or give cuts"
        return _agreed(filter, setting, cuts)
    result = _agreed(filter, setting, all_cuts(body))
    if result.complete:
        _fail_everywhere(filter, setting, body, result)
    return result


def _decoded(
    body: bytes, headers: Mapping[str, str] | None, encoding: str | None
) -> tuple[bytes, Mapping[str, str] | None, str | None]:
    """Decode a gzip body, as mod_deflate does for encoding=decode: returns it, its headers and its coding."""
    gzips = ("gzip", "x-gzip")
    if encoding in gzips:
        return gzip.decompress(body), headers, None
    names = [name for name, value in (headers or {}).items() if name.lower() == "content-encoding" and value in gzips]
    if headers is None or not names:
        return body, headers, encoding
    gone = (*names, "Content-Length")
    return gzip.decompress(body), {name: value for name, value in headers.items() if name not in gone}, encoding


def _once(
    filter: Function,
    setting: Setting,
    cut: Cut,
    ways: Iterable[str] = ("8192",),
    error: int | None = None,
    leaves_at: int | None = None,
) -> Result:
    with Bench(filter, setting) as bench:
        if setting.input:
            bench.read(cut, ways, error=error)
        else:
            bench.write(cut, error=error, leaves_at=leaves_at)
        result = bench.result()
    if result.manners:
        raise MannersError(f"{', '.join(result.manners)}, with {cut!r}: {result!r}")
    return result


def _agreed(filter: Function, setting: Setting, cuts: Iterable[Cut]) -> Result:
    """Return the one result of all cuts and all ways to read."""
    first: Result | None = None
    for number, cut in enumerate(cuts):
        # The first cut is read in all ways; each further cut in one of them, in turn.
        ways = WAYS if number == 0 else (WAYS[number % len(WAYS)],)
        for way in ways if setting.input else WAYS[:1]:
            result = _once(filter, setting, cut, way)
            first = first or result
            if name := _difference(first, result, setting):
                how = f" read as {', '.join(way)}" if setting.input else ""
                raise CutsDifferError(
                    f"{name} differs if the body is cut as {list(cut)!r}{how}:\n{getattr(result, name)!r}\nnot\n"
                    f"{getattr(first, name)!r}" + "".join(f"\n{line}" for line in result.log)
                )
    if first is None:
        raise ValueError("no cuts were given")
    return first


def _difference(one: Result, other: Result, setting: Setting) -> str | None:
    """Return the field in which two results differ, or None. The length of a body that fails may differ."""
    names = ["error"] if setting.input else []
    if one.complete or other.complete:
        names = ["body", "status", "error"]
    return next((name for name in names if getattr(one, name) != getattr(other, name)), None)


def _fail_everywhere(filter: Function, setting: Setting, body: bytes, whole: Result) -> None:
    """End the body early at each place, and close the client's connection at each brigade."""
    step = max(1, len(body) // 50)
    for place in range(0, len(body) + 1, step):
        cut = [body[:place]] if place % 2 else [body[: place // 2], body[place // 2 : place]]
        result = _once(filter, setting, cut, error=_TIME_OUT if setting.input else 502)
        if result.complete or not whole.body.startswith(result.body):
            raise CutsDifferError(
                f"the body failed after {body[:place]!r}, and the output was\n{result.body!r}\n"
                f"which is no beginning of\n{whole.body!r}"
            )
    if not setting.input:
        pieces = [piece for at in range(0, len(body), step) for piece in (body[at : at + step], FLUSH)]
        for leaves_at in range(min(len(pieces) // 2, 20)):
            result = _once(filter, setting, pieces, leaves_at=leaves_at)
            if not whole.body.startswith(result.body):
                raise CutsDifferError(f"a client that left got {result.body!r}, no beginning of {whole.body!r}")
