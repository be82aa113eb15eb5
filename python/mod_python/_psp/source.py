"""The text of a page, or of a file that is included in one."""

import bisect
import codecs
import os
import re
import time

from mod_python import _sources
from mod_python._psp.errors import TemplateError
from mod_python._psp.scanner import Kind, Token, scan

# What tells one version of a file from another: times are in microseconds, as httpd has them.
Stamp = tuple[int, int, int, int, int]

DEFAULT_ENCODING = "utf-8"

_LINE_END = re.compile(r"\r\n|\r|\n")
# <%@ page encoding="latin-1" %>: searched in the bytes, before they can be decoded.
_ENCODING = re.compile(rb"<%@\s*page\s(?:(?!%>).)*?\bencoding\s*=\s*([\"'])([\w.:-]+)\1", re.DOTALL)
_PAGE = re.compile(r"\s*(page)\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\s+(?:([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')(?=\s|$)|$)")
_ENCODING_NAME = re.compile(r"[\w.:-]+", re.ASCII)
# What a page can say of itself.
_ATTRIBUTES = ("autoescape", "encoding")
# What pages say that were written as those of JSP: mod_python 3.5 dropped it, and so it is here.
_OF_JSP = frozenset(
    "autoFlush buffer contentType deferredSyntaxAllowedAsLiteral errorOnUndeclaredNamespace errorPage extends import "
    "info isELIgnored isErrorPage isThreadSafe language pageEncoding session trimDirectiveWhitespaces".split()
)
_FLAGS = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}


def flag(text: str, what: str) -> bool:
    """Return whether a text says on or off. Raise ValueError, which names `what`, for one that says neither."""
    try:
        return _FLAGS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{what} is {text!r}: write on or off") from None


def decoded(data: bytes, name: str, encoding: str) -> str:
    """Return the text of a page.

    Args:
        data: the bytes.
        name: the page's name, for messages.
        encoding: how it is encoded, unless it has ``<%@ page encoding="..." %>``. A byte order mark is left out.

    Raises:
        TemplateError: it is not encoded so, or there is no such encoding.
    """
    found = _ENCODING.search(data) if b"encoding" in data else None
    if found is not None:
        encoding = found[2].decode("ascii")
    try:
        if codecs.lookup(encoding).name == "utf-8":
            encoding = "utf-8-sig"
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        why = (
            f"byte {data[error.start]:#04x} is not {encoding.removesuffix('-sig')}: save it as UTF-8, or say how it is "
            f'encoded, as by <%@ page encoding="latin-1" %>, or by PythonOption mod_python.psp.encoding latin-1'
        )
        raise TemplateError(why, (name, line, None, None)) from error
    except LookupError as error:
        line = data[: found.start()].count(b"\n") + 1 if found is not None else 1
        raise TemplateError(f"there is no encoding {encoding!r}", (name, line, None, None)) from error


class Source:
    """A page or an included file.

    Attributes:
        name: its path; for a page that is a string, a name in angle brackets.
        text: its text.
        tokens: what the text consists of.
        autoescape: what its ``<%@ page autoescape="..." %>`` says; None without one.
    """

    def __init__(self, name: str, text: str) -> None:
        """Find the tokens and the directives.

        Raises:
            TemplateError: a directive is wrong.
        """
        self.name = name
        self.text = text
        self.tokens = list(scan(text))
        self.autoescape: bool | None = None
        self._ends: list[int] | None = None
        for token in self.tokens:
            if token.kind is Kind.DIRECTIVE:
                self._read_page_directive(token)

    def line_at(self, offset: int) -> int:
        """Return the number of the line, from 1, with the character at `offset`."""
        if self._ends is None:
            self._ends = [match.end() for match in _LINE_END.finditer(self.text)]
        return bisect.bisect_right(self._ends, offset) + 1

    def last_line(self) -> int:
        """Return the number of the last line."""
        return self.line_at(len(self.text))

    def line(self, number: int) -> str:
        """Return the text of a line, without its end; an empty one for a number beyond the last."""
        lines = _LINE_END.split(self.text)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def error(self, why: str, offset: int) -> TemplateError:
        """Return what is raised for a fault at an offset."""
        line = self.line_at(offset)
        return TemplateError(why, (self.name, line, None, self.line(line)))

    def _read_page_directive(self, token: Token) -> None:
        match = _PAGE.match(token.text)
        if match is None or not token.is_closed:
            return
        if match[1] != "page":
            raise self.error(f"the directive {match[1]!r} is written as 'page'", token.start)
        at = match.end()
        while at < len(token.text):
            attribute = _ATTRIBUTE.match(token.text, at)
            if attribute is None:
                rest = " ".join(token.text[at:].split())
                raise self.error(f'an attribute of a page is written as NAME="VALUE", not as {rest}', token.start + at)
            self._read_attribute(attribute, token.start + at)
            at = attribute.end()

    def _read_attribute(self, attribute: re.Match[str], at: int) -> None:
        name, value = attribute[1], attribute[2] or attribute[3] or ""
        if name in _OF_JSP:
            return
        if name is not None and name not in _ATTRIBUTES:
            raise self.error(f"a page has no attribute {name!r}: there are {', '.join(_ATTRIBUTES)}", at)
        if name == "encoding" and not _ENCODING_NAME.fullmatch(value):
            raise self.error(f"{value!r} is no name of an encoding", at)
        if name == "autoescape":
            try:
                self.autoescape = flag(value, "autoescape")
            except ValueError as error:
                raise self.error(str(error), at) from None


def _stamp(path: str) -> Stamp:
    """Return what tells one version of a file from another, as `req._found_stamp`. Raise OSError as `os.stat`."""
    status = os.stat(path)  # noqa: PTH116 - pathlib takes long to import
    return status.st_mtime_ns // 1000, status.st_size, status.st_ino, status.st_dev, status.st_ctime_ns // 1000


class FileVersion:
    """Which version of a file was read."""

    __slots__ = ("_digest", "_path", "_stamp")

    def __init__(self, path: str, stamp: Stamp, data: bytes) -> None:
        self._path = path
        self._stamp = stamp
        # The hash of what was read, while another change might leave the stamp as it is.
        self._digest = None if self._is_settled() else hash(data)

    def has_stamp(self, found: Stamp) -> bool:
        """Return whether a file with this stamp is that version; False if the stamp alone does not tell."""
        return self._digest is None and found == self._stamp

    def is_current(self, found: Stamp | None) -> bool:
        """Return whether the file is still that version; False for one that cannot be read.

        Args:
            found: the stamp that it has now; None if it is to be looked at.
        """
        if found is not None and self.has_stamp(found):
            return True
        try:
            if _stamp(self._path) != self._stamp:
                return False
            if self._digest is not None:
                is_settled = self._is_settled()
                with open(self._path, "rb") as file:
                    if hash(file.read()) != self._digest:
                        return False
                if is_settled:
                    self._digest = None
        except OSError:
            return False
        return True

    def _is_settled(self) -> bool:
        return time.time() - self._stamp[0] / 1e6 > _sources.RECENT


def read_file(path: str) -> tuple[bytes, FileVersion]:
    """Return what a file has, and which version of it that is. Raise OSError if it cannot be read."""
    stamp = _stamp(path)  # first: a file that changes meanwhile is another version, then
    with open(path, "rb") as file:
        data = file.read()
    return data, FileVersion(path, stamp, data)
