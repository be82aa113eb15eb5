"""Short names for long URLs, old URLs for new ones, a part of the site from another server, and types by content.

    # outside of all sections
    PythonTransHandler rewriting
    PythonTypeHandler rewriting
    PythonFixupHandler rewriting
    PythonOption rewriting.map /srv/map

Lines of the map: "path kind target"; the kinds are "see" (the browser is told), "is" (it is not), "file", "from"
(another server) and "gone".
"""

import os

from mod_python import apache


def entries(req):
    """The map; read again when the file has changed."""
    path = req.server.get_options().get("rewriting.map")
    mtime = os.stat(path)[8]
    if _map.get("mtime") != mtime:
        found = {}
        for line in open(path).readlines():
            words = line.split()
            if len(words) == 3:
                found[words[0]] = words[1:]
        _map["entries"], _map["mtime"] = found, mtime
    return _map["entries"]


_map = {}


def transhandler(req):
    found = entries(req)
    prefix = req.uri
    while prefix and prefix not in found:
        prefix = prefix[: prefix.rfind("/")]
    if not prefix:
        return apache.DECLINED
    kind, target = found[prefix]
    rest = req.uri[len(prefix) :]
    if kind == "see":
        req.headers_out["Location"] = target + rest
        if req.args:
            req.headers_out["Location"] = req.headers_out["Location"] + "?" + req.args
        return apache.HTTP_MOVED_PERMANENTLY
    if kind == "is":
        req.notes["was"] = req.uri
        req.uri = target + rest
        return apache.DECLINED
    if kind == "file":
        req.filename = target + rest
        return apache.OK
    if kind == "from":
        req.proxyreq = apache.PROXYREQ_REVERSE
        req.uri = target + rest
        req.filename = "proxy:" + target + rest
        req.handler = "proxy-server"
        return apache.OK
    return apache.HTTP_GONE


def typehandler(req):
    """What has no known extension gets its type from its first bytes."""
    if not req.filename or req.finfo.filetype != apache.APR_REG or "." in os.path.basename(req.filename):
        return apache.DECLINED
    file = open(req.filename, "rb")
    start = file.read(4)
    file.close()
    if start == b"\x89PNG":
        req.content_type = "image/png"
    elif start == b"%PDF":
        req.content_type = "application/pdf"
    elif start[:1] == b"<":
        req.content_type = "text/html"
    else:
        return apache.DECLINED
    return apache.OK


def fixuphandler(req):
    """Give what was renamed a header, and what ends in .py.txt to a handler of ours."""
    if req.notes.has_key("was"):
        req.headers_out["X-Was"] = req.notes["was"]
    if req.filename and req.filename.endswith(".py.txt"):
        req.handler = "mod_python"
        req.add_handler("PythonHandler", "rewriting::source", os.path.dirname(__file__))
    return apache.DECLINED


def source(req):
    """Show a program with numbers of lines."""
    if req.finfo.filetype == apache.APR_NOFILE:
        return apache.HTTP_NOT_FOUND
    req.content_type = "text/plain"
    req.set_last_modified()
    number = 0
    for line in open(req.filename).readlines():
        number = number + 1
        req.write("%4d %s" % (number, line), 0)
    req.write("", 1)
    return apache.OK
