"""Python in pages of mod_include: what a fixup handler prepares, the page's code uses.

<Directory "/srv/htdocs/ssi">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    PythonFixupHandler ssi_code
</Directory>
"""

import time

from mod_python import apache


class Page:
    """What pages can say."""

    def __init__(self, req):
        self.req = req

    def item(self, number):
        return "<li>%d</li>" % number

    def year(self):
        return time.strftime("%Y", time.localtime(self.req.request_time))


def fixuphandler(req):
    if req.filename.endswith(".shtml"):
        req.ssi_globals = {"page": Page(req), "apache": apache, "title": req.args or "none"}
    return apache.OK
