"""A journal: entries, comments, pictures, and an office for who writes it.

    <Directory "/srv/htdocs/journal">
        AddHandler mod_python .py .html
        SetHandler mod_python
        PythonHandler mod_python.publisher
        PythonOption journal.folder /srv/journal
    </Directory>

/journal/journal            the newest entries        /journal/journal/read?entry=3   one of them
/journal/journal/comment    takes a form              /journal/journal/office         for the author
"""

import cgi_escape
import marshal
import os
import time

from mod_python import Cookie, apache, util

PAGE = """<html>
<head><title>%(title)s</title></head>
<body>
<h1>%(title)s</h1>
%(body)s
<hr><p>%(visits)s</p>
</body>
</html>
"""


def index(req):
    entries = _load(req)
    rows = []
    for number in range(len(entries)):
        rows.append('<li><a href="journal/read?entry=%d">%s</a>' % (number, _escape(entries[number]["title"])))
    rows.reverse()
    return _page(req, "Journal", "<ul>%s</ul>" % "".join(rows))


def read(req, entry="0"):
    entries = _load(req)
    try:
        found = entries[int(entry)]
    except (ValueError, IndexError):
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    body = "<p>%s</p>" % _escape(found["text"])
    for name, text in found["comments"]:
        body = body + "<blockquote>%s: %s</blockquote>" % (_escape(name), _escape(text))
    return _page(req, found["title"], body)


def comment(req, entry, text, name="somebody", **more):
    if req.method != "POST":
        return apache.HTTP_METHOD_NOT_ALLOWED  # is shown as a number, as it always was
    if more:
        return "what is %s?" % ", ".join(sorted(more))
    entries = _load(req)
    entries[int(entry)]["comments"].append((str(name), str(text)))
    _save(req, entries)
    cookie = Cookie.Cookie("journal_name", "known")
    cookie.expires = time.time() + 86400
    Cookie.add_cookie(req, cookie)
    util.redirect(req, "read?entry=%d" % int(entry))


def picture(req, file=None):
    """Takes a picture, and shows it."""
    path = os.path.join(req.get_options()["journal.folder"], "picture")
    if file is not None and file.filename:
        out = open(path, "wb")
        while 1:
            block = file.file.read(8192)
            if not block:
                break
            out.write(block)
        out.close()
        return "<html><p>%d bytes of %s</p></html>" % (os.path.getsize(path), _escape(file.filename))
    req.content_type = "image/png"
    req.sendfile(path)


def office(req):
    def __auth__(req, user, password):
        return user == "author" and password == "ink"

    __auth_realm__ = "The office"

    if "title" in req.form:
        entries = _load(req)
        entries.append(
            {
                "title": req.form["title"].value,
                "text": str(req.form.getfirst("text", "")),
                "comments": [],
            }
        )
        _save(req, entries)
        util.redirect(req, "../journal")
    fields = []
    for field in req.form.list:
        fields.append("%s=%s" % (field.name, field.value))
    req.content_type = "text/html"
    req.write("<html><form method=post action=office>")
    req.write("<input name=title><textarea name=text></textarea><input type=submit></form>")
    req.write("<!-- %s --></html>" % _escape(" ".join(fields)))


def source(req):
    __access__ = 0
    return open(req.filename).read()


def _page(req, title, body):
    visits = "You are new here."
    if Cookie.get_cookies(req).get("journal_name"):
        visits = "Welcome back."
    return PAGE % {"title": _escape(title), "body": body, "visits": visits}


def _escape(text):
    return cgi_escape.escape(text)


def _load(req):
    try:
        file = open(os.path.join(req.get_options()["journal.folder"], "entries"), "rb")
    except IOError:
        return []
    try:
        return marshal.load(file)
    finally:
        file.close()


def _save(req, entries):
    path = os.path.join(req.get_options()["journal.folder"], "entries")
    file = open(path + ".new", "wb")
    marshal.dump(entries, file)
    file.close()
    os.rename(path + ".new", path)
