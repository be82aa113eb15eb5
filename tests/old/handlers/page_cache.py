"""Keep pages that are costly to make as files, and send these as long as they are young.

    <Location "/reports">
        SetHandler mod_python
        PythonHandler page_cache reports
        PythonOption cache.folder /var/cache/pages
        PythonOption cache.seconds 60
    </Location>
    PythonOutputFilter page_cache KEEP

The first handler looks for the file. If there is none, it lets one request at a time make the page: it takes the lock
of the page, adds the filter that writes down what goes by, and lets the next handler of the list run.
"""

import hashlib
import os
import time

from mod_python import apache

_apache = apache._apache


def path_of(req):
    key = "%s?%s" % (req.uri, req.args or "")
    return os.path.join(req.get_options()["cache.folder"], hashlib.md5(key.encode("utf-8")).hexdigest())


def is_young(req, path):
    finfo = apache.stat(path, apache.APR_FINFO_MTIME | apache.APR_FINFO_SIZE)
    if finfo.filetype == apache.APR_NOFILE:
        return 0
    seconds = int(req.get_options().get("cache.seconds", "60"))
    return finfo[apache.FINFO_MTIME] + seconds > time.time()


def send(req, path):
    # The type stands in the first line.
    file = open(path, "rb")
    first = file.readline()
    file.close()
    req.content_type = first.strip().decode()
    req.finfo = apache.stat(path, apache.APR_FINFO_NORM)
    req.update_mtime(req.finfo.mtime)
    req.set_last_modified()
    req.headers_out["ETag"] = '"%x-%x"' % (req.finfo.size, req.finfo.mtime)
    req.headers_out["X-Cache"] = "hit"
    status = req.meets_conditions()
    if status != apache.OK:
        return status
    length = req.finfo.size - len(first)
    req.set_content_length(length)
    req.sendfile(path, len(first), length)
    return apache.DONE


class Unlock:
    """What is called at the end of the request."""

    def __init__(self, req, path):
        self.server, self.path = req.server, path

    def __call__(self, data):
        _apache._global_unlock(self.server, self.path)


def handler(req):
    if req.method != "GET" or req.headers_in.get("Pragma") == "no-cache":
        return apache.OK
    path = path_of(req)
    if is_young(req, path):
        return send(req, path)
    _apache._global_lock(req.server, path)
    req.register_cleanup(Unlock(req, path))
    if is_young(req, path):  # somebody has made it meanwhile
        return send(req, path)
    req.headers_out["X-Cache"] = "miss"
    req.kept = open("%s.%d" % (path, os.getpid()), "wb")
    req.add_output_filter("KEEP")
    return apache.OK


def outputfilter(filter):
    """Write down what goes by, and let the page be seen once it is whole."""
    req = filter.req
    if not hasattr(req, "kept"):
        filter.pass_on()
        return
    if req.kept.tell() == 0:
        req.kept.write(("%s\n" % (req.content_type or "text/plain")).encode())
    s = filter.read()
    while s:
        req.kept.write(s)
        filter.write(s)
        s = filter.read()
    if s is None:
        req.kept.close()
        if req.status == apache.HTTP_OK:
            os.rename(req.kept.name, path_of(req))
        else:
            os.unlink(req.kept.name)
        filter.close()
