"""Who may see an object: the rules ``__auth__``, ``__access__`` and ``__auth_realm__``."""

import binascii
from collections.abc import AsyncIterator, Container, Iterator, Mapping
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
        self._is_checked = False  # whether an __auth__ has checked the name of the Basic credentials

    def check(self, rules: Rules) -> None:
        """Check the rules of the next object.

        Raises:
            apache.SERVER_RETURN: 401 for a client without the right password, 403 for one that may not see the object,
                400 for credentials that cannot be read.
            TypeError: a rule, or what its function returns, cannot be one.
            BaseException: whatever a rule raises: nobody is let in then.
        """
        if rules.realm is not ABSENT:
            self._realm = str(rules.realm)
        if rules.auth is ABSENT and rules.access is ABSENT:
            return
        if rules.auth is not ABSENT:
            self._read_credentials()
            if not self._user or not self._has_password(rules.auth):
                self._ask()
            # A constant checks no password: it does not put the name in the place of one that httpd has checked.
            self._is_checked = self._is_checked or callable(rules.auth) or isinstance(rules.auth, Mapping)
            if self._req.user is None:
                self._req.user = self._user
                self._req.ap_auth_type = "Basic"
        if rules.access is not ABSENT and not self._may_pass(rules.access):
            raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)

    def _has_password(self, rule: Any) -> bool:
        if _is_function(rule):
            return self._decision(rule(self._req, self._user, self._password))
        if isinstance(rule, Mapping):
            is_known = self._user in rule
            # An unknown user takes as long as a known one.
            is_right = _are_equal(rule[self._user] if is_known else "", self._password)
            return is_known and is_right
        return self._constant("__auth__", rule)

    def _may_pass(self, rule: Any) -> bool:
        user = self._name()
        if _is_function(rule):
            return self._decision(rule(self._req, user))
        if isinstance(rule, Container) and not isinstance(rule, str | bytes | bytearray | Iterator):
            return user in rule
        return self._constant("__access__", rule)

    def _name(self) -> str | None:
        """Return the user: one that an `__auth__` has checked, else httpd's, else whoever the client says it is."""
        if not self._is_checked and self._req.user is not None:
            return self._req.user
        self._read_credentials()
        return self._user

    def _constant(self, name: str, rule: Any) -> bool:
        if rule is not None and not isinstance(rule, int):
            raise TypeError(f"{name} of the publisher cannot be a {type(rule).__name__}: nobody is let in")
        return self._decision(rule)

    def _decision(self, result: Any) -> bool:
        """Return what a rule has decided.

        Raises:
            apache.SERVER_RETURN: the rule is 401 or 403.
            TypeError: it is true, but no decision: another number, or what is always true, as a generator.
        """
        if coroutines.is_awaitable(result):
            result = coroutines.run(result)
        if isinstance(result, int) and result not in (0, 1):
            if result == apache.HTTP_UNAUTHORIZED:
                self._ask()
            if result == apache.HTTP_FORBIDDEN:
                raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
            raise TypeError(f"a rule of the publisher is true or false, or the status 401 or 403, and not {result}")
        if isinstance(result, Iterator | AsyncIterator):
            kind = type(result).__name__
            raise TypeError(f"a rule of the publisher returns true or false, and this one returns a {kind}")
        return bool(result)

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


def _is_function(rule: Any) -> bool:
    """Return whether a rule is called. A class is not: each of its instances would be true."""
    return callable(rule) and not isinstance(rule, type)


def _are_equal(wanted: Any, password: str) -> bool:
    """Return whether a password is the wanted one, a str or bytes, in a time that does not tell where they differ."""
    from hmac import compare_digest  # which takes long to import

    if isinstance(wanted, str):
        wanted = wanted.encode("utf-8", "surrogatepass")
    return isinstance(wanted, bytes) and compare_digest(wanted, password.encode("utf-8", "surrogatepass"))
