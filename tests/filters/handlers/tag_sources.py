"""A handler with an ETag, in the two ways in which handlers answer conditions."""

from mod_python import apache


def handler(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.headers_out["ETag"] = '"strong"'
    req.headers_out["Cache-Control"] = "max-age=100"
    req.update_mtime(1_700_000_000)
    req.set_last_modified()
    unmet = req.meets_conditions()
    if unmet != apache.OK and req.uri.endswith("/returns"):
        return unmet
    if unmet != apache.OK:
        req.status = unmet
        return apache.OK
    req.write("body")
    return apache.OK
