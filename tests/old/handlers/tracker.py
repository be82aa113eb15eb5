"""A tracker of tickets as a tree of objects: /tracker/tickets/show?number=1, /tracker/tickets/closed, /tracker/export.

    <Directory "/srv/htdocs/tools">
        SetHandler python-program
        PythonHandler mod_python.publisher
    </Directory>

Whoever has a password may look; only those of __access__ may come in, and only the chief may close tickets.
"""

import threading

from mod_python import apache, util

__auth_realm__ = "Tools"
__auth__ = {"ann": "a1", "bob": "b2", "eve": "e3"}
__access__ = ["ann", "bob"]

lock = threading.Lock()


class Ticket:
    def __init__(self, number, title):
        self.number = number
        self.title = title
        self.is_open = 1
        self.notes = []

    def __str__(self):
        state = self.is_open and "open" or "closed"
        return "#%d %s (%s)%s" % (self.number, self.title, state, "".join([" - " + note for note in self.notes]))


class Tickets:
    def __init__(self):
        self._all = {}
        self.closed = Closed(self)

    def index(self, req):
        """Not /tracker/tickets: that is the object itself, which is a text."""
        return str(self)

    def __str__(self):
        return "\n".join([str(ticket) for ticket in self._all.values() if ticket.is_open])

    def new(self, req, title):
        lock.acquire()
        try:
            number = len(self._all) + 1
            self._all[number] = Ticket(number, title)
        finally:
            lock.release()
        req.status = apache.HTTP_CREATED
        return str(self._all[number])

    def show(self, req, number):
        return self._all.get(int(number)) or apache.HTTP_NOT_FOUND

    def note(self, req, number, note):
        if type(note) is not list:
            note = [note]
        self._all[int(number)].notes.extend(note)
        return self._all[int(number)]

    def close(self, req, number):
        def __access__(req, user):
            return user == "ann"

        self._all[int(number)].is_open = 0
        util.redirect(req, "closed", text="closed\n")


class Closed:
    """Called as a function, it lists what is closed."""

    def __init__(self, tickets):
        self.tickets = tickets
        self.count = Count(tickets)

    def __call__(self, req):
        found = [str(ticket) for ticket in self.tickets._all.values() if not ticket.is_open]
        return "\n".join(found) or "none"


class Count:
    def __init__(self, tickets):
        self.tickets = tickets

    def __str__(self):
        return "%d" % len([ticket for ticket in self.tickets._all.values() if not ticket.is_open])


tickets = Tickets()


def index(req, form=None):
    return "<html><body>%d tickets, form %s</body></html>" % (len(tickets._all), form)


def export(req):
    req.content_type = "text/csv"
    req.headers_out["Content-Disposition"] = "attachment; filename=tickets.csv"
    req.send_http_header()
    for ticket in tickets._all.values():
        req.write("%d,%s\n" % (ticket.number, ticket.title))
    return None


def environment(req):
    """For old clients: what the server knows of them, as a dict shows itself."""
    return {"user": req.user, "agent": req.headers_in.get("User-Agent", "-")}
