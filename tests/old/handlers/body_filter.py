"""Input filters: line ends and tabs of what comes in, before the handler reads it.

PythonInputFilter body_filter::unix_lines UNIX
PythonInputFilter body_filter::no_tabs NO_TABS
<Location "/texts">
    SetInputFilter UNIX
    SetHandler mod_python
    PythonHandler body_filter
</Location>
"""

from mod_python import apache


def unix_lines(filter):
    """CRLF becomes LF. A line comes in pieces where the client sends it so: a CR may be the end of one."""
    if not filter.is_input:
        raise apache.SERVER_RETURN(apache.HTTP_INTERNAL_SERVER_ERROR)
    req = filter.req
    if not hasattr(req, "rest_of_line"):
        req.rest_of_line = b""
    s = filter.readline()
    while s:
        s = req.rest_of_line + s
        req.rest_of_line = b""
        if s[-1:] == b"\r":
            s, req.rest_of_line = s[:-1], b"\r"
        elif s[-2:] == b"\r\n":
            s = s[:-2] + b"\n"
        filter.write(s)
        s = filter.readline()
    if s is None:
        filter.write(req.rest_of_line)
        filter.close()


def no_tabs(filter):
    """Count what comes in, and make blanks of tabs."""
    req = filter.req
    if req.method == "PUT":
        filter.pass_on()
        return
    s = filter.read()
    while s:
        req.subprocess_env["BYTES_IN"] = str(int(req.subprocess_env.get("BYTES_IN", "0")) + len(s))
        filter.write(s.replace(b"\t", b" "))
        s = filter.read()
    if s is None:
        filter.close()


def handler(req):
    body = req.read()
    req.content_type = "text/plain"
    req.headers_out["X-Bytes-In"] = req.subprocess_env.get("BYTES_IN", "none")
    req.write(body)
    return apache.OK


def cgi(req):
    """Print, as a CGI script does."""
    env, stdin, stdout = apache.setup_cgi(req)
    try:
        import os
        import sys

        print("Content-Type: text/plain")
        print("X-Method: %s" % os.environ["REQUEST_METHOD"])
        print()
        print("query %s" % os.environ["QUERY_STRING"])
        if os.environ["REQUEST_METHOD"] == "POST":
            print("read %d" % len(sys.stdin.read(int(os.environ["CONTENT_LENGTH"]))))
    finally:
        apache.restore_nocgi(env, stdin, stdout)
    return apache.OK
