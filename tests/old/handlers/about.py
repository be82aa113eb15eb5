"""Show what the server says of itself and of the request, as a page.

<Location "/about">
    SetHandler python-program
    PythonHandler about
    PythonDebug On
    PythonOption greeting hello
</Location>
"""

import os
import sys
import time

from mod_python import apache


def escape(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def table(req, title, items):
    req.write("<h2>%s</h2>\n<table>\n" % title)
    for name, value in items:
        req.write("<tr><td>%s</td><td>%s</td></tr>\n" % (escape(name), escape(value)))
    req.write("</table>\n")


def write_tree(req, tree):
    req.write("<ul>\n")
    for entry in tree:
        if type(entry) is list:
            write_tree(req, entry)
        else:
            name, arguments = entry
            req.write("<li>%s %s</li>\n" % (escape(name), escape(arguments)))
    req.write("</ul>\n")


def mpm():
    if not apache.mpm_query(apache.AP_MPMQ_IS_THREADED):
        return "prefork"
    threads = apache.mpm_query(apache.AP_MPMQ_MAX_THREADS)
    daemons = apache.mpm_query(apache.AP_MPMQ_MAX_DAEMONS)
    return "threaded, %d x %d" % (daemons, threads)


def servers(server):
    found = []
    while server is not None:
        name = server.server_hostname or "?"
        if server.is_virtual:
            name = name + " (virtual, line %d of %s)" % (server.defn_line_number, os.path.basename(server.defn_name))
        found.append((name, "timeout %g, keep-alive %d, port %d" % (server.timeout, server.keep_alive, server.port)))
        server = server.next
    return found


def handler(req):
    req.content_type = "text/html"
    req.send_http_header()
    if req.header_only:
        return apache.OK
    req.add_common_vars()
    req.subprocess_env["TODAY"] = time.strftime("%A")
    req.write("<html><head><title>About</title></head><body>\n")
    table(
        req,
        "Server",
        [
            ("MPM", mpm()),
            ("Root", apache.server_root()),
            ("Document root", req.document_root()),
            ("Error log", req.server.error_fname),
            ("Python", sys.version.split()[0]),
            ("Interpreter", req.interpreter),
            ("Handler", "%s %s %s" % (req.phase, req.hlist.handler, req.hlist.directory)),
            ("Keep-alive", req.connection.keepalive == apache.AP_CONN_KEEPALIVE),
        ],
    )
    table(req, "Request", [(name, getattr(req, name)) for name in NAMES])
    table(req, "Connection", [("from", "%s:%d" % req.connection.remote_addr), ("to", req.connection.local_addr[0])])
    table(req, "URL", zip(PARTS, req.parsed_uri))
    table(req, "Headers in", req.headers_in.items())
    table(req, "Headers out", req.headers_out.items())
    table(req, "Environment", [(name, req.subprocess_env[name]) for name in sorted(req.subprocess_env.keys())])
    table(req, "Options", req.get_options().items())
    table(req, "Config", req.get_config().items())
    table(req, "Server options", req.server.get_options().items())
    table(req, "Servers", servers(apache.main_server))
    table(req, "File", [(name, getattr(req.finfo, name)) for name in ("filetype", "size", "mtime", "fname")])
    write_tree(req, apache.config_tree())
    req.write("</body></html>\n")
    req.log_error("about: %d bytes" % req._bytes_queued, apache.APLOG_DEBUG)
    return apache.OK


NAMES = """the_request protocol proto_num method method_number hostname unparsed_uri uri filename path_info args
    content_type handler user ap_auth_type status status_line header_only assbackwards proxyreq main prev next
    allowed mtime request_time no_cache bytes_sent range read_body remaining""".split()
PARTS = "scheme hostinfo user password hostname port path query fragment".split()
