"""A guest book: pages for objects.py."""

from mod_python import apache


class Book:
    """What guests have written, in this child."""

    title = "The book"
    _secret = "nobody reads this"

    def __init__(self):
        self.entries = []

    def add(self, req, name, text="-"):
        if type(name) == list:
            name = " and ".join(name)
        self.entries.append((name, text))
        req.headers_out["X-Entries"] = str(len(self.entries))
        return "%s: %s" % self.entries[-1]


book = Book()


class Teller:
    """Made for each request, with the request."""

    def __init__(self, req):
        self.req = req

    def method(self):
        return "made for " + self.req.method


def index(req):
    return "<html><body>%s %d</body></html>\n" % (book.title, len(req.form))


def away(req, to):
    req.headers_out["Location"] = to
    raise apache.SERVER_RETURN(apache.HTTP_MOVED_TEMPORARILY)


def long(req):
    """Writes by itself."""
    req.content_type = "text/csv"
    for number in range(1000):
        req.write("%d,%d\r\n" % (number, number * number), 0)


def all(**fields):
    del fields["req"]
    return repr(sorted(fields.items()))
