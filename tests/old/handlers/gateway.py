"""Run an application of WSGI (PEP 333) as a handler.

<Location "/app">
    SetHandler python-program
    PythonHandler gateway
    PythonOption gateway.application guests_app::application
</Location>
"""

import sys

from mod_python import apache


class Input:
    """The body; programs ask for it in each of these ways."""

    def __init__(self, req):
        self.req = req

    def close(self):
        pass

    def read(self, size=-1):
        return self.req.read(size)

    def readline(self, size=-1):
        return self.req.readline(size)

    def readlines(self, hint=-1):
        return self.req.readlines(hint)

    def __iter__(self):
        line = self.readline()
        while line:
            yield line
            line = self.readline()


class Errors:
    """Where the application complains."""

    def __init__(self, req):
        self.req = req

    def flush(self):
        pass

    def write(self, message):
        if message.strip():
            self.req.log_error(message.rstrip(), apache.APLOG_NOTICE)

    def writelines(self, messages):
        self.write("".join(messages))


class Run:
    """One request."""

    def __init__(self, req):
        self.req = req
        self.started = 0
        options = req.get_options()
        threaded = apache.mpm_query(apache.AP_MPMQ_IS_THREADED)
        forked = apache.mpm_query(apache.AP_MPMQ_IS_FORKED)
        self.environ = dict(apache.build_cgi_env(req).items())
        if options.has_key("gateway.script_name"):
            name = options["gateway.script_name"]
            self.environ["SCRIPT_NAME"] = name
            self.environ["PATH_INFO"] = req.uri[len(name) :]
        self.environ["wsgi.input"] = Input(req)
        self.environ["wsgi.errors"] = Errors(req)
        self.environ["wsgi.version"] = (1, 0)
        self.environ["wsgi.run_once"] = False
        self.environ["wsgi.url_scheme"] = (self.environ.get("HTTPS") in ("on", "1") and "https") or "http"
        self.environ["wsgi.multithread"] = bool(threaded)
        self.environ["wsgi.multiprocess"] = bool(forked)

    def start_response(self, status, headers, exc_info=None):
        if exc_info and self.started:
            raise exc_info[1]
        self.req.status = int(status[:3])
        for name, value in headers:
            if name.lower() == "content-length":
                self.req.set_content_length(int(value))
            elif name.lower() == "content-type":
                self.req.content_type = value
            else:
                self.req.headers_out.add(name, value)
        return self.write

    def write(self, data):
        self.started = 1
        self.req.write(data)

    def run(self, application):
        result = application(self.environ, self.start_response)
        try:
            for data in result:
                self.write(data)
            if not self.started:
                self.req.set_content_length(0)
        except:
            self.req.log_error("gateway: %s" % sys.exc_info()[1], apache.APLOG_NOTICE)
            if not self.started:
                self.req.status = 500
                self.req.content_type = "text/plain"
                self.write("A server error occurred.\n")
        if hasattr(result, "close"):
            result.close()


_applications = {}


def handler(req):
    name = req.get_options()["gateway.application"]
    if name not in _applications:
        module, function = name.split("::", 1)
        _applications[name] = apache.resolve_object(apache.import_module(module), function)
    Run(req).run(_applications[name])
    return apache.OK
