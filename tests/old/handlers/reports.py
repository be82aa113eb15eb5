"""A page that is costly to make, for page_cache.py."""

import time

from mod_python import apache


def handler(req):
    if req.args == "fail":
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    req.content_type = "text/html"
    req.write("<html><body><ul>\n")
    if req.args == "slow":
        time.sleep(0.2)
    for number in range(100):
        req.write("<li>%d of %s</li>\n" % (number, req.args))
    req.write("</ul></body></html>\n")
    req.log_error("reports: made %s" % req.args, apache.APLOG_NOTICE)
    return apache.OK
