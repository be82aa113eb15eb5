"""Digest authentication (RFC 2617, qop=auth) by hand.

    PythonAuthenHandler digest_auth
    PythonOption digest.users /srv/digests    (lines "name:realm:MD5 of name:realm:password", as htdigest writes them)
    PythonOption digest.lifetime 300
    AuthType Digest
    AuthName "The house"
    Require valid-user

A nonce is a time, a number and a signature, so that all children know each other's. A nonce that is too old is answered with
stale=true, and the browser tries again without asking its user. The counters of the nonces are per child, under a
lock, because threads share them; where there is more than one process, a counter may be new in another child.
"""

import hashlib
import os
import random
import re
import threading
import time

from mod_python import apache

_lock = threading.Lock()
_counters = {}
PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def md5(text):
    return hashlib.md5(text.encode("utf-8")).hexdigest()


def secret(req):
    """One for all children: the parent's pid is the same in each."""
    return "%s:%d" % (req.server.server_hostname, os.getppid())


def new_nonce(req):
    start = "%d:%d" % (time.time(), random.randrange(1000000000))
    return start + ":" + md5("%s:%s" % (start, secret(req)))


def is_ours(req, nonce):
    if not re.match("[0-9]+:[0-9]+:[0-9a-f]{32}$", nonce):
        return 0
    start, signature = nonce[:-33], nonce[-32:]
    return signature == md5("%s:%s" % (start, secret(req)))


def is_stale(req, nonce):
    lifetime = float(req.get_options().get("digest.lifetime", "300"))
    return int(nonce.split(":")[0]) + lifetime < time.time()


def challenge(req, stale=0):
    text = 'Digest realm="%s", nonce="%s", algorithm=MD5, qop="auth"' % (req.auth_name(), new_nonce(req))
    if stale:
        text = text + ", stale=true"
    req.err_headers_out["WWW-Authenticate"] = text
    return apache.HTTP_UNAUTHORIZED


def users(req):
    found = {}
    for line in open(req.get_options()["digest.users"]).readlines():
        name, realm, ha1 = line.strip().split(":")
        if realm == req.auth_name():
            found[name] = ha1
    return found


def counted(nonce, nc):
    """Is this number of the nonce larger than the last one?"""
    _lock.acquire()
    try:
        number = int(nc, 16)
        if number <= _counters.get(nonce, 0):
            return 0
        _counters[nonce] = number
        return 1
    finally:
        _lock.release()


def authenhandler(req):
    if not req.headers_in.has_key("Authorization"):
        return challenge(req)
    kind, rest = (req.headers_in["Authorization"].split(None, 1) + [""])[:2]
    if kind.lower() != "digest":
        return challenge(req)
    given = {}
    for name, quoted, bare in PAIR.findall(rest):
        given[name] = quoted or bare
    for name in ("username", "realm", "nonce", "uri", "response", "nc", "cnonce", "qop"):
        if name not in given:
            return apache.HTTP_BAD_REQUEST
    if given["uri"] != req.unparsed_uri:
        req.log_error("digest: %s is not for %s" % (given["uri"], req.unparsed_uri), apache.APLOG_NOTICE)
        return apache.HTTP_BAD_REQUEST
    if given["realm"] != req.auth_name() or not is_ours(req, given["nonce"]):
        return challenge(req)
    ha1 = users(req).get(given["username"])
    if ha1 is None:
        return challenge(req)
    ha2 = md5("%s:%s" % (req.method, given["uri"]))
    middle = ":".join([given[name] for name in ("nonce", "nc", "cnonce", "qop")])
    if md5("%s:%s:%s" % (ha1, middle, ha2)) != given["response"]:
        return challenge(req)
    if is_stale(req, given["nonce"]) or not counted(given["nonce"], given["nc"]):
        return challenge(req, stale=1)
    req.user = given["username"]
    req.ap_auth_type = "Digest"
    req.headers_out["Authentication-Info"] = 'nextnonce="%s"' % new_nonce(req)
    return apache.OK


def handler(req):
    req.content_type = "text/plain"
    req.write("%s by %s\n" % (req.user, req.ap_auth_type))
    body = req.read()
    if body:
        req.write("%d bytes\n" % len(body))
    return apache.OK
