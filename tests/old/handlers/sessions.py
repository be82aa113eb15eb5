"""Sessions with a cookie and a dbm file that all children share, and a login form.

<Location "/members">
    SetHandler mod_python
    PythonHeaderParserHandler sessions
    PythonHandler sessions
    PythonOption sessions.path /var/lib/sessions
</Location>
"""

import dbm.dumb
import hashlib
import os
import random
import re
import time
from pickle import dumps, loads
from urllib.parse import quote, unquote

import _apache
from mod_python import apache

generator = random.Random()


class Session(dict):
    """What is kept of a visitor, from request to request."""

    def __init__(self, req):
        dict.__init__(self)
        self.req = req
        self.is_new = 1
        match = re.search("(?:^|; *)visit=([0-9a-f]{32})", req.headers_in.get("Cookie", ""))
        if match:
            self.sid = match.group(1)
            self.lock()
            self.load()
        if self.is_new:
            if match:
                self.unlock()
            text = "%s %s %d %s" % (time.time(), generator.random(), os.getpid(), req.connection.remote_ip)
            self.sid = hashlib.md5(text.encode()).hexdigest()
            self.lock()
            req.headers_out.add("Set-Cookie", "visit=%s; path=/" % self.sid)
            req.err_headers_out.add("Set-Cookie", "visit=%s; path=/" % self.sid)
        req.register_cleanup(Session.unlock, self)
        self.is_locked = 1

    def lock(self):
        _apache._global_lock(self.req.server, self.sid)
        self.server, self.is_locked = self.req.server, 1

    def unlock(self):
        if self.is_locked:
            _apache._global_unlock(self.server, self.sid)
            self.is_locked = 0

    def open(self):
        # The file is for one process at a time: lock 0 is for dbm files.
        _apache._global_lock(self.req.server, None, 0)
        return dbm.dumb.open(self.req.get_options()["sessions.path"], "c")

    def shut(self, file):
        file.close()
        _apache._global_unlock(self.req.server, None, 0)

    def load(self):
        file = self.open()
        try:
            if self.sid.encode() in file:
                self.update(loads(file[self.sid.encode()]))
                self.is_new = 0
        finally:
            self.shut(file)

    def save(self):
        file = self.open()
        try:
            file[self.sid.encode()] = dumps(dict(self))
        finally:
            self.shut(file)


def headerparserhandler(req):
    req.session = Session(req)
    req.session["visits"] = req.session.get("visits", 0) + 1
    return apache.OK


def handler(req):
    session = req.session
    req.content_type = "text/html"
    req.no_cache = 1
    action = req.uri.split("/")[-1]
    if action == "login" and req.method == "POST":
        for field in req.read().decode().split("&"):
            name, value = field.split("=")
            session[name] = unquote(value.replace("+", " "))
        session.save()
        req.headers_out["Location"] = "/members/?for=%s" % quote(session["name"])
        return apache.HTTP_MOVED_TEMPORARILY
    if action == "logout":
        session.clear()
        session.save()
        session.unlock()  # the other request has a session of its own
        req.internal_redirect("/members/")
        return apache.OK
    session.save()
    if not session.get("name"):
        req.write('<form method="post" action="/members/login"><input name="name"></form>\n')
    else:
        req.write("Visit %d of %s\n" % (session["visits"], session["name"]))
    return apache.OK
