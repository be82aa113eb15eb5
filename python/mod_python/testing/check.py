"""A filter run once, or in all ways that must make no difference."""

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
"""How a body is read: as handlers, proxies and scripts do, byte by byte, in lines, without waiting."""
_TIME_OUT = 70007


class CutsDifferError(AssertionError):
    """A filter made something else of a body that was cut in another way."""


class MannersError(AssertionError):
    """A rule of httpd's was broken: this is a fault of mod_python's own, please report it."""


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
    """Give a filter a body, and return what comes out.

    Args:
        filter: the filter's function; plain, or `async def` with yield.
        body: the body of a response, or of a request for an input filter.
        cuts: "one" gives it in one piece. "all" does that, then in pieces: each kind of cut at each place, and for
            input filters each way of reading; then with a failure at each place: the body breaks off, the client
            leaves. Other cuts may be given; `body` is not looked at then.
        input: it is an input filter.
        headers: of the response; of the request for an input filter.
        content_type: of the response.
        encoding: the content coding of the response, such as "gzip".
        options: what PythonOption lines set.
        keys: of the filter's directive, as in "encoding=any held=64K".
        method: of the request.

    Returns:
        What came out; the same for all cuts.

    Raises:
        CutsDifferError: a cut made a difference to body, status or error (of bodies that fail, how much came before may
            differ); or what came before a failure was nothing
            that would have come without it.
        MannersError: mod_python itself did something wrong.
        ValueError: the keys or options are wrong, with the sentence that httpd would print.
    """
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
    """What all cuts, and all ways of reading, give."""
    first: Result | None = None
    for number, cut in enumerate(cuts):
        # All ways for the first cuts; then each cut in a way of its own, in turns.
        ways = WAYS if number == 0 else (WAYS[number % len(WAYS)],)
        for way in ways if setting.input else WAYS[:1]:
            result = _once(filter, setting, cut, way)
            first = first or result
            if name := _difference(first, result, setting):
                how = f" read as {', '.join(way)}" if setting.input else ""
                raise CutsDifferError(
                    f"{name} differs when the body comes as {list(cut)!r}{how}:\n{getattr(result, name)!r}\nnot\n"
                    f"{getattr(first, name)!r}" + "".join(f"\n{line}" for line in result.log)
                )
    if first is None:
        raise ValueError("no cuts were given")
    return first


def _difference(one: Result, other: Result, setting: Setting) -> str | None:
    """In what two results differ; how much came before a failure may."""
    names = ["error"] if setting.input else []
    if one.complete or other.complete:
        names = ["body", "status", "error"]
    return next((name for name in names if getattr(one, name) != getattr(other, name)), None)


def _fail_everywhere(filter: Function, setting: Setting, body: bytes, whole: Result) -> None:
    """Let the body break off at each place, and the client leave at each brigade."""
    step = max(1, len(body) // 50)
    for place in range(0, len(body) + 1, step):
        cut = [body[:place]] if place % 2 else [body[: place // 2], body[place // 2 : place]]
        result = _once(filter, setting, cut, error=_TIME_OUT if setting.input else 502)
        if result.complete or not whole.body.startswith(result.body):
            raise CutsDifferError(
                f"the body broke off after {body[:place]!r}, and this came:\n{result.body!r}\nwhich does not begin\n"
                f"{whole.body!r}"
            )
    if not setting.input:
        pieces = [piece for at in range(0, len(body), step) for piece in (body[at : at + step], FLUSH)]
        for leaves_at in range(min(len(pieces) // 2, 20)):
            result = _once(filter, setting, pieces, leaves_at=leaves_at)
            if not whole.body.startswith(result.body):
                raise CutsDifferError(f"a client that left got {result.body!r}, which does not begin {whole.body!r}")
