"""Who may see an object: the rules ``__auth__``, ``__access__`` and ``__auth_realm__``."""

import binascii
from collections.abc import Mapping
from types import AsyncGeneratorType, GeneratorType
from typing import Any, NoReturn

from mod_python import apache
from mod_python._publisher import coroutines
from mod_python._publisher.rules import ABSENT, Rules


class Access:
    """What is known of the client, on the way from a module to an object in it."""

    def __init__(self, req: apache.Request) -> None:
        self._req = req
        self._realm = "unknown"
        self._user: str | None = None
        self._password = ""
        self._has_read = False

    def check(self, rules: Rules) -> None:
        """Check the rules of the next object.

        Raises:
            apache.SERVER_RETURN: 401 for a client without the right password, 403 for one that may not see the object,
                400 for credentials that cannot be read.
            BaseException: whatever a rule raises: nobody is let in then.
        """
        if rules.realm is not ABSENT:
            self._realm = str(rules.realm)
        if rules.auth is ABSENT and rules.access is ABSENT:
            return
        self._read_credentials()
        if rules.auth is not ABSENT:
            if not self._user or not self._has_password(rules.auth):
                self._ask()
            if self._req.user is None:
                self._req.user = self._user
                self._req.ap_auth_type = "Basic"
        if rules.access is not ABSENT and not self._may_pass(rules.access):
            raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)

    def _has_password(self, rule: Any) -> bool:
        if callable(rule):
            return _truth(rule(self._req, self._user, self._password))
        if isinstance(rule, Mapping):
            is_known = self._user in rule
            # An unknown user takes as long as a known one.
            is_right = _are_equal(rule[self._user] if is_known else "", self._password)
            return is_known and is_right
        return bool(rule)

    def _may_pass(self, rule: Any) -> bool:
        if callable(rule):
            return _truth(rule(self._req, self._user))
        if isinstance(rule, list | tuple | set | frozenset | Mapping):
            return self._user in rule
        return bool(rule)

    def _read_credentials(self) -> None:
        """Take user and password from the request (RFC 7617). Those of another scheme count as none."""
        if self._has_read:
            return
        self._has_read = True
        scheme, _, encoded = self._req.headers_in.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return
        try:
            decoded = binascii.a2b_base64(encoded.strip().encode("ascii"), strict_mode=True)
        except ValueError as error:
            raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST) from error
        try:
            text = decoded.decode("utf-8")
        except UnicodeDecodeError:
            text = decoded.decode("latin-1")  # as req.user is read
        user, colon, self._password = text.partition(":")
        if not colon:
            raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
        self._user = user

    def _ask(self) -> NoReturn:
        realm = self._realm.replace("\\", "\\\\").replace('"', '\\"')
        self._req.err_headers_out["WWW-Authenticate"] = f'Basic realm="{realm}"'
        raise apache.SERVER_RETURN(apache.HTTP_UNAUTHORIZED)


def _truth(result: Any) -> bool:
    """Return what the function of a rule has decided. Raise TypeError for what is no decision but is true."""
    if coroutines.is_awaitable(result):
        result = coroutines.run(result)
    if isinstance(result, GeneratorType | AsyncGeneratorType):
        raise TypeError("a rule of the publisher is a function that returns true or false, and this one is a generator")
    return bool(result)


def _are_equal(wanted: Any, password: str) -> bool:
    """Return whether a password is the wanted one, a str or bytes, in a time that does not tell where they differ."""
    from hmac import compare_digest  # which takes long to import

    if isinstance(wanted, str):
        wanted = wanted.encode("utf-8", "surrogatepass")
    return isinstance(wanted, bytes) and compare_digest(wanted, password.encode("utf-8", "surrogatepass"))
