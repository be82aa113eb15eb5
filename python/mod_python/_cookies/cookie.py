"""A cookie as the Set-Cookie header has it (RFC 6265bis): part of ``mod_python.Cookie``."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from mod_python._cookies import header as _cookie_header

# The attributes in the order of the header. RFC 6265bis has dropped comment, commentURL, discard, port and version.
_ATTRIBUTES = (
    *("version", "path", "domain", "secure", "comment", "expires", "max_age", "samesite"),
    *("commentURL", "discard", "port", "httponly", "partitioned"),
)
_KEYWORDS = {name.lower(): name for name in _ATTRIBUTES}
_FLAGS = frozenset({"secure", "discard", "httponly", "partitioned"})
_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None"}
# RFC 6265bis, 5.6: browsers drop a cookie with more bytes in its name and value.
_MOST_BYTES = 4096

_NAME = re.compile(_cookie_header.TOKEN)
_UNFIT = re.compile(r"[\x00-\x1f\x7f;]")
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATE = re.compile(rf"(?:{_DAYS}), \d\d([ -])(?:{_MONTHS})\1\d{{4}} \d\d:\d\d:\d\d GMT")


class CookieError(Exception):
    """A cookie that cannot be sent, or one whose signature is not right."""


class Cookie:
    """A cookie: a name, a value and the attributes of a Set-Cookie header.

    Attributes:
        name: the name (str).
        value: the value (str; in subclasses what they encode). It is sent as it is.
        version: for RFC 2109, which nobody uses any more.
        path: the path below which the browser sends the cookie (str).
        domain: the domain whose hosts get it, too (str); without it, only this host does.
        secure: whether it is sent over TLS only (bool).
        comment: for RFC 2109.
        expires: when it ends; see the property.
        max_age: after how many seconds it ends (int). It comes before `expires`.
        samesite: ``"Strict"``, ``"Lax"`` or ``"None"``: whether it comes with requests that other sites cause.
        commentURL: for RFC 2965.
        discard: for RFC 2965.
        port: for RFC 2965.
        httponly: whether scripts of the page cannot read it (bool).
        partitioned: whether it is kept apart for each site that embeds this one (bool).

    An attribute that is None or False is left out of the header.
    """

    __slots__ = ("__data__", "_expires", "name", "value", *(name for name in _ATTRIBUTES if name != "expires"))

    # What parse() of a subclass does with a cookie whose signature is not right.
    DOWNGRADE = 0
    IGNORE = 1
    EXCEPTION = 3

    name: str
    value: Any
    version: int | str | None
    path: str | None
    domain: str | None
    secure: bool | None
    comment: str | None
    max_age: int | None
    samesite: str | None
    commentURL: str | None  # noqa: N815 - RFC 2965 spells it so
    discard: bool | None
    port: str | None
    httponly: bool | None
    partitioned: bool | None
    __data__: dict[str, Any]
    _expires: str | None

    def __init__(self, name: str, value: Any, **attrs: Any) -> None:
        """Make a cookie.

        Args:
            name: the name.
            value: the value.
            attrs: attributes of the class, in any case of letters.

        Raises:
            AttributeError: a cookie has no such attribute.
            ValueError: `expires` is no date.
        """
        self.name = name
        self.value = value
        self.__data__ = {}  # for subclasses
        for attribute in _ATTRIBUTES:
            setattr(self, attribute, None)
        for keyword, setting in attrs.items():
            known = _KEYWORDS.get(keyword.lower())
            if known is None:
                raise AttributeError(f"a cookie has no attribute {keyword!r}; it has {', '.join(_ATTRIBUTES)}")
            setattr(self, known, setting)

    @property
    def expires(self) -> str | None:
        """When the cookie ends: a date in GMT (str), or None for the end of the browser's session.

        It can be set to a number (seconds since 1970), a `datetime` with a time zone, None, or a str such as
        ``Sun, 06 Nov 1994 08:49:37 GMT`` or ``Sun, 06-Nov-1994 08:49:37 GMT``; ValueError is raised for another str.
        """
        return self._expires

    @expires.setter
    def expires(self, when: float | str | datetime | None) -> None:
        if when is None:
            self._expires = None
        elif isinstance(when, str):
            if _DATE.fullmatch(when) is None:
                raise ValueError(f"expires: {when!r} is not a date such as 'Sun, 06 Nov 1994 08:49:37 GMT'")
            self._expires = when
        elif isinstance(when, datetime):
            if when.tzinfo is None:
                raise ValueError("expires: a datetime needs a time zone, such as datetime.now(UTC)")
            self._expires = formatdate(when.astimezone(UTC).timestamp(), usegmt=True)
        else:
            self._expires = formatdate(float(when), usegmt=True)

    def __str__(self) -> str:
        """Return the text of the Set-Cookie header.

        Raises:
            CookieError: browsers would drop the cookie, or read it as another one; the text says why.
        """
        self._check()
        return self._text()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._text()}>"

    def _sent_value(self) -> str:
        """Return the value as it is in the header."""
        return str(self.value)

    def _text(self) -> str:
        parts = [f"{self.name}={self._sent_value()}"]
        for attribute in _ATTRIBUTES:
            value = getattr(self, attribute)
            spelled = "Max-Age" if attribute == "max_age" else attribute
            if attribute in _FLAGS:
                if value:
                    parts.append(spelled)
            elif value is not None and value is not False:
                if attribute == "samesite":
                    value = _SAME_SITE.get(str(value).lower(), value)
                parts.append(f"{spelled}={value}")
        return "; ".join(parts)

    def _check(self) -> None:
        """Raise CookieError for what browsers do not keep as it is meant."""
        pair = f"{self.name}={self._sent_value()}"
        if _NAME.fullmatch(self.name) is None:
            raise CookieError(f"{self.name!r} is no name for a cookie: use letters, digits, '-', '_' and '.'")
        if list(_cookie_header.pairs(pair)) != [(self.name, self._sent_value())]:
            raise CookieError(
                f"the cookie {self.name} would come back with another value: encode it, as with urllib.parse.quote()"
            )
        size = len(pair.encode("utf-8", "surrogateescape")) - 1
        if size > _MOST_BYTES:
            raise CookieError(f"the cookie {self.name} has {size} bytes, and browsers keep no more than {_MOST_BYTES}")
        for attribute in _ATTRIBUTES:
            if attribute not in _FLAGS and _UNFIT.search(str(getattr(self, attribute))):
                raise CookieError(
                    f"the attribute {attribute} of the cookie {self.name} has a ';' or a control character"
                )
        self._check_max_age()
        self._check_rules()

    def _check_max_age(self) -> None:
        try:
            seconds = None if self.max_age is None else int(self.max_age)
        except (TypeError, ValueError):
            raise CookieError(f"max_age of the cookie {self.name} is no number of seconds: {self.max_age!r}") from None
        self.max_age = seconds

    def _check_rules(self) -> None:
        """Raise CookieError where attributes do not go together (RFC 6265bis, 4.1.2 and 4.1.3)."""
        same_site = _SAME_SITE.get(str(self.samesite).lower()) if self.samesite else ""
        if same_site is None:
            raise CookieError(f"samesite of the cookie {self.name} is Strict, Lax or None, not {self.samesite!r}")
        if self.secure:
            pass
        elif same_site == "None":
            raise CookieError(f"the cookie {self.name} has samesite='None', which needs secure=True")
        elif self.partitioned:
            raise CookieError(f"the cookie {self.name} has partitioned=True, which needs secure=True")
        elif self.name.lower().startswith(("__host-", "__secure-")):
            raise CookieError(f"the name of the cookie {self.name} needs secure=True")
        if self.name.lower().startswith("__host-") and (self.path != "/" or self.domain):
            raise CookieError(f"the name of the cookie {self.name} needs path='/', and no domain")

    @classmethod
    def parse(cls, string: str, *, names: Iterable[str] | None = None) -> "dict[str, Cookie]":
        """Read a Cookie header.

        Args:
            string: the header. The attributes of a Set-Cookie header would be cookies of their own.
            names: the names of the cookies to read; all, if left out.

        Returns:
            A dict from the names to the cookies. Of several cookies of one name it has the last one.
        """
        return {name: cls(name, value) for name, value in selected(string, names)}


def selected(string: str, names: Iterable[str] | None) -> list[tuple[str, str]]:
    """Return the pairs of a Cookie header whose name is in `names`; all, if that is None."""
    wanted = None if names is None else frozenset(names)
    return [pair for pair in _cookie_header.pairs(string) if wanted is None or pair[0] in wanted]
