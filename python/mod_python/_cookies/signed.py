"""Cookies that clients cannot make up: part of ``mod_python.Cookie``."""

import base64
import json
from collections.abc import Iterable
from typing import Any, NoReturn

from mod_python._cookies import cookie as _cookies
from mod_python._cookies import signatures as _signatures
from mod_python._cookies.cookie import Cookie, CookieError

_SHA256_DIGITS = 64
_MD5_DIGITS = 32


class SignedCookie(Cookie):
    """A cookie whose value the client can read, but not change.

    The header has 64 hexadecimal digits in front of the value: the HMAC-SHA-256 of ``name=value``. The name is signed,
    too, so that the value of one cookie cannot be sent as that of another.
    """

    __slots__ = ()

    def __init__(self, name: str, value: Any, secret: str | bytes | None = None, **attrs: Any) -> None:
        """Make a signed cookie.

        Args:
            name: the name.
            value: the value.
            secret: the key; it must be the same in parse(), and known to nobody else.
            attrs: as for `Cookie`.

        Raises:
            CookieError: there is no secret.
        """
        super().__init__(name, value, **attrs)
        if not secret:
            raise CookieError(f"{type(self).__name__} needs a secret")
        self.__data__["secret"] = secret

    def _plain_value(self) -> str:
        """Return the value as it stands behind the signature."""
        return str(self.value)

    def _sent_value(self) -> str:
        value = self._plain_value()
        return _signatures.signature(self.__data__["secret"], _message(self.name, value)) + value

    @classmethod
    def _from_plain(cls, name: str, value: str, secret: str | bytes) -> Cookie:
        """Return the cookie for a value that was signed. Raise ValueError if it is none of this class."""
        return cls(name, value, secret)

    @classmethod
    def parse(
        cls,
        string: str,
        secret: str | bytes | None = None,
        mismatch: int = Cookie.DOWNGRADE,
        *,
        names: Iterable[str] | None = None,
        allow_md5: bool = False,
    ) -> dict[str, Cookie]:
        """Read a Cookie header, and check the signatures.

        Args:
            string: the header.
            secret: the key with which the cookies were made.
            mismatch: what becomes of a cookie that is not signed so: ``Cookie.DOWNGRADE``, a plain `Cookie` with what
                the client sent; ``Cookie.IGNORE``, it is left out; ``Cookie.EXCEPTION``, CookieError is raised.
            names: the names of the cookies to read; all, if left out.
            allow_md5: whether cookies that mod_python 3 signed are read: HMAC-MD5 of the name and the value.

        Returns:
            A dict from the names to the cookies.

        Raises:
            CookieError: there is no secret, or a signature is not right and `mismatch` is ``Cookie.EXCEPTION``.
        """
        if not secret:
            raise CookieError(f"{cls.__name__}.parse() needs the secret")
        found: dict[str, Cookie] = {}
        for name, sent in _cookies.selected(string, names):
            plain = _verified(name, sent, secret, allow_md5)
            try:
                if plain is not None:
                    found[name] = cls._from_plain(name, plain, secret)
                    continue
            except ValueError:
                pass  # signed, but by another class
            if mismatch == cls.EXCEPTION:
                raise CookieError(f"the cookie {name} is not signed with this secret")
            if mismatch == cls.DOWNGRADE:
                found[name] = Cookie(name, sent)
        return found


class JsonCookie(SignedCookie):
    """A signed cookie whose value is anything that JSON can say: None, bool, numbers, str, lists, dicts.

    The client can read it. The header has the JSON text in Base64 (RFC 4648, section 5) behind the signature.
    """

    __slots__ = ()

    def _plain_value(self) -> str:
        text = json.dumps(self.value, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def _from_plain(cls, name: str, value: str, secret: str | bytes) -> Cookie:
        text = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
        return cls(name, json.loads(text), secret)


class MarshalCookie(SignedCookie):
    """A name of mod_python 3, and refused: ``marshal`` can crash on data that a client sends. Use `JsonCookie`."""

    __slots__ = ()

    def __init__(self, *args: object, **attrs: object) -> None:  # noqa: ARG002
        _refuse_marshal()

    @classmethod
    def parse(cls, *args: object, **options: object) -> dict[str, Cookie]:  # noqa: ARG003
        """Raise CookieError."""
        _refuse_marshal()


def _refuse_marshal() -> NoReturn:
    raise CookieError("MarshalCookie is refused, because marshal is not safe for what a client sends: use JsonCookie")


def _message(name: str, value: str) -> bytes:
    return f"{name}={value}".encode("utf-8", "surrogateescape")


def _verified(name: str, sent: str, secret: str | bytes, allow_md5: bool) -> str | None:
    """Return the value behind a right signature; None if there is none."""
    signed, value = sent[:_SHA256_DIGITS], sent[_SHA256_DIGITS:]
    if _signatures.is_signed(secret, _message(name, value), signed):
        return value
    signed, value = sent[:_MD5_DIGITS], sent[_MD5_DIGITS:]
    message = f"{name}{value}".encode("utf-8", "surrogateescape")
    if allow_md5 and _signatures.is_signed(secret, message, signed, "md5"):
        return value
    return None
