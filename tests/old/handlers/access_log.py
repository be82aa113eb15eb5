"""An access log of our own, with the time that each request took, and a line when the process ends.

PythonPostReadRequestHandler access_log
PythonLogHandler access_log
PythonCleanupHandler access_log
PythonImport access_log::open_log main_interpreter
PythonOption log.path /var/log/site.log
"""

import os
import threading
import time

from mod_python import apache

_file = None
_lock = threading.Lock()
_requests = {"now": 0}


def open_log():
    """Called when the process starts."""
    global _file
    path = apache.main_server.get_options()["log.path"]
    _file = open(path, "a")
    apache.register_cleanup(close_log, "pid %d ends\n" % os.getpid())


def close_log(text):
    _file.write(text)
    _file.close()


def postreadrequesthandler(req):
    req.started = time.time()
    _lock.acquire()
    _requests["now"] = _requests["now"] + 1
    _lock.release()
    return apache.OK


def quoted(text):
    if text is None:
        return '"-"'
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def loghandler(req):
    last = req  # the one that has answered
    while last.next is not None:
        last = last.next
    when = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(req.request_time))
    fields = [
        req.connection.remote_ip,
        req.connection.remote_logname or "-",
        last.user or "-",
        "[%s]" % when,
        quoted(req.the_request),
        str(last.status),
        str(last.bytes_sent or "-"),
        quoted(req.headers_in.get("Referer")),
        quoted(req.headers_in.get("User-Agent")),
        quoted(last.headers_out.get("X-Log") or last.err_headers_out.get("X-Log")),
        "%s" % (time.time() >= req.started),
    ]
    _lock.acquire()
    try:
        _file.write(" ".join(fields) + "\n")
        _file.flush()
    finally:
        _lock.release()
    return apache.OK


def cleanuphandler(req):
    if not hasattr(req, "started"):
        return apache.OK  # of an internal redirect
    _lock.acquire()
    _requests["now"] = _requests["now"] - 1
    _file.write("end of %s\n" % req.uri)
    _file.flush()
    _lock.release()
    return apache.OK


def handler(req):
    """How many requests are there now?"""
    req.content_type = "text/plain"
    req.headers_out["X-Log"] = 'said "here"'
    req.write("%d\n" % _requests["now"])
    return apache.OK
