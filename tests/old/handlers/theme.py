"""Put all HTML pages of a folder into a frame: a header behind <body>, a footer before </body>, a style sheet.

    PythonOutputFilter theme THEME
    <Location "/site">
        SetOutputFilter THEME
        PythonTypeHandler theme
        PythonFixupHandler theme
        PythonOption theme.folder /srv/themes
        PythonOption theme.default plain
    </Location>

A theme is a folder with header.html and footer.html; `?theme=NAME` chooses one, and a cookie keeps the choice. Files
that end in .page are HTML, too.
"""

import os
import re

from mod_python import apache

BODY = re.compile(b"(<body[^>]*>)", re.I)
END = re.compile(b"(</body *>)", re.I)


def typehandler(req):
    if req.filename and req.filename.endswith(".page"):
        req.content_type = "text/html; charset=utf-8"
        return apache.OK
    return apache.DECLINED


def fixuphandler(req):
    """Find out which theme it is, and note it for the filter and for others."""
    options = req.get_options()
    if not options.has_key("theme.folder"):
        req.log_error("theme: PythonOption theme.folder is missing", apache.APLOG_NOERRNO | apache.APLOG_ERR)
        return apache.HTTP_INTERNAL_SERVER_ERROR
    name = options.get("theme.default", "plain")
    match = re.search(r"(?:^|; *)theme=(\w+)", req.headers_in.get("Cookie", ""))
    if match:
        name = match.group(1)
    match = re.search(r"(?:^|&)theme=(\w+)", req.args or "")
    if match:
        name = match.group(1)
        req.headers_out.add("Set-Cookie", "theme=%s; path=/" % name)
    folder = os.path.join(options["theme.folder"], name)
    if apache.stat(folder, apache.APR_FINFO_TYPE).filetype != apache.APR_DIR:
        req.log_error("theme: no theme %s" % name, apache.APLOG_NOTICE)
        return apache.HTTP_NOT_FOUND
    req.notes["theme"] = folder
    return apache.OK


def part(req, name):
    file = open(os.path.join(req.notes.get("theme"), name), "rb")
    try:
        return file.read().replace(b"%(uri)s", req.uri.encode())
    finally:
        file.close()


def outputfilter(filter):
    req = filter.req
    if req.main or not (req.content_type or "").startswith("text/html"):
        filter.pass_on()
        return
    # A page is small: keep it until its end is here.
    if not hasattr(req, "theme_pieces"):
        req.theme_pieces = []
        del req.headers_out["Content-Length"]
    data = filter.read()
    while data:
        req.theme_pieces.append(data)
        data = filter.read()
    if data is None:
        page = b"".join(req.theme_pieces)
        if req.notes.has_key("theme"):
            page = BODY.sub(lambda match: match.group(1) + part(req, "header.html"), page, 1)
            page = END.sub(lambda match: part(req, "footer.html") + match.group(1), page, 1)
        filter.write(page)
        filter.close()
