"""The extension ``tls`` of ASGI scopes, from the variables of mod_ssl."""

import functools
import ssl
from typing import Any

_VERSIONS = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


@functools.cache
def _suites() -> dict[str, int]:
    """Return the numbers of cipher suites (IANA's) by their names in OpenSSL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return {suite["name"]: suite["id"] & 0xFFFF for suite in context.get_ciphers()}


def tls(req: Any) -> dict[str, Any]:
    """Return what the extension says of a request's connection."""
    look = req.ssl_var_lookup
    chain = [look("SSL_CLIENT_CERT")]
    while chain[-1]:
        chain.append(look(f"SSL_CLIENT_CERT_CHAIN_{len(chain) - 1}"))
    verified = look("SSL_CLIENT_VERIFY") or ""
    return {
        "server_cert": look("SSL_SERVER_CERT") or None,
        "client_cert_chain": chain[:-1],
        "client_cert_name": look("SSL_CLIENT_S_DN") or None,
        "client_cert_error": verified.removeprefix("FAILED:") if verified.startswith("FAILED") else None,
        "tls_version": _VERSIONS.get(look("SSL_PROTOCOL") or ""),
        "cipher_suite": _suites().get(look("SSL_CIPHER") or ""),
    }
