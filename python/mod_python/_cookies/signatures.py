"""Signatures for what clients, or other users of the machine, must not make up: HMAC (RFC 2104)."""

import hmac


def signature(secret: str | bytes, message: bytes, digest: str = "sha256") -> str:
    """Return the HMAC of a message in hexadecimal digits."""
    key = secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret
    return hmac.new(key, message, digest).hexdigest()


def is_signed(secret: str | bytes, message: bytes, signed: str, digest: str = "sha256") -> bool:
    """Whether `signed` is the signature of the message. It takes the same time wherever it differs."""
    right = signature(secret, message, digest)
    return hmac.compare_digest(right.encode(), signed.encode("utf-8", "surrogateescape"))
