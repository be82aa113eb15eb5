"""Header values with parameters, such as ``form-data; name="a"``: ``util.parse_header``."""

import re
from urllib.parse import unquote_to_bytes

_PARAMETER = re.compile(r"[ \t]*([^\s;=\"]+)[ \t]*=[ \t]*")
# A quote that ends a text stands before ";" or at the end: some browsers do not escape those within.
_END_OF_QUOTED = re.compile(r"\"[ \t]*(?=;|$)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # as in a header that is not encoded
_WINDOWS_PATH = re.compile(r"[A-Za-z]:\\|\\\\")


def parse_header(line: str | bytes) -> tuple[str, dict[str, str]]:
    """Read a header value with parameters.

    Args:
        line: the value, such as ``form-data; name="a"``. Bytes are UTF-8; others are kept by ``surrogateescape``.

    Returns:
        The main value in lower case, and a dict from the names of parameters, in lower case, to their values. Of
        several parameters of one name it has the first one.

    Raises:
        TypeError: neither str nor bytes.
        ValueError: what stands behind a ``;`` is no parameter.
    """
    if isinstance(line, bytes):
        line = line.decode("utf-8", "surrogateescape")
    elif not isinstance(line, str):
        raise TypeError(f"a header value is str or bytes, not {type(line).__name__}")
    main, semicolon, rest = line.strip().partition(";")
    parameters: dict[str, str] = {}
    at = 0
    while semicolon and at < len(rest):
        if rest[at] in "; \t":
            at += 1
            continue
        name = _PARAMETER.match(rest, at)
        if name is None:
            raise ValueError(f"no parameter of a header: {rest[at:]!r}")
        value, at = _value(rest, name.end())
        parameters.setdefault(name[1].lower(), value)
    return main.strip().lower(), parameters


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the value that begins at an index, and the index behind it."""
    if not text.startswith('"', at):
        end = text.find(";", at)
        end = len(text) if end < 0 else end
        return text[at:end].strip(), end
    quoted = _END_OF_QUOTED.search(text, at + 1)
    if quoted is None:
        raise ValueError(f"a quote of a header is not closed: {text[at:]!r}")
    value = text[at + 1 : quoted.start()]
    if _WINDOWS_PATH.match(value) is None:  # old browsers sent paths, and escaped nothing
        value = re.sub(r'\\([\\"])', r"\1", value)
    return value, quoted.end()


def extended(value: str) -> str:
    """Decode an extended value (RFC 8187), such as ``UTF-8''Gr%C3%BC%C3%9Fe``. Raise ValueError if it is none."""
    charset, _, text = value.split("'", 2)
    if charset.lower() not in ("utf-8", "iso-8859-1"):
        raise ValueError(f"the character set {charset!r} of a header is unknown")
    decoded = unquote_to_bytes(text).decode(charset, "surrogateescape")
    if _CONTROL.search(decoded):
        raise ValueError("a parameter of a header has a control character")
    return decoded
