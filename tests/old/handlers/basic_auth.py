"""Basic authentication and groups from two files, and who may come from where.

# .htaccess
PythonAccessHandler basic_auth
PythonAuthenHandler basic_auth
PythonAuthzHandler basic_auth
PythonOption auth.users /srv/users        (lines "name:password")
PythonOption auth.groups /srv/groups      (lines "group: name name")
PythonOption auth.group staff
PythonOption auth.deny 10.0.0.1
AuthType Basic
AuthName "The house"
Require valid-user
"""

from mod_python import apache


def accesshandler(req):
    denied = req.get_options().get("auth.deny", "").split(",")
    address = req.get_remote_host(apache.REMOTE_NOLOOKUP)
    if address in denied or req.connection.remote_ip in denied:
        req.log_error("%s is not welcome" % address, apache.APLOG_NOERRNO | apache.APLOG_NOTICE)
        return apache.HTTP_FORBIDDEN
    return apache.OK


def lines(path):
    try:
        file = open(path)
    except IOError as e:
        apache.log_error("basic_auth: %s" % e, apache.APLOG_ERR)
        raise apache.SERVER_RETURN(apache.HTTP_INTERNAL_SERVER_ERROR)
    try:
        return [line.strip() for line in file.readlines() if line.strip() and line[0] != "#"]
    finally:
        file.close()


def authenhandler(req):
    # The password first: this call is what fills req.user.
    password = req.get_basic_auth_pw()
    user = req.user
    if req.auth_type() != "Basic":
        return apache.DECLINED
    if not user:
        return apache.HTTP_UNAUTHORIZED
    for line in lines(req.get_options()["auth.users"]):
        name, expected = line.split(":", 1)
        if name == user and expected == password:
            req.ap_auth_type = "Basic"
            req.notes["authenticated"] = "by basic_auth"
            return apache.OK
    req.log_error("basic_auth: %s: no such user, or a wrong password" % user, apache.APLOG_NOTICE)
    return apache.HTTP_UNAUTHORIZED


def authzhandler(req):
    options = req.get_options()
    if not options.has_key("auth.group"):
        return apache.OK
    for line in lines(options["auth.groups"]):
        group, names = line.split(":", 1)
        if group == options["auth.group"] and req.user in names.split():
            return apache.OK
    return apache.HTTP_FORBIDDEN


def handler(req):
    req.content_type = "text/plain"
    req.send_http_header()
    req.write("%s by %s in %s\n" % (req.user, req.ap_auth_type, req.auth_name()))
    req.write("%s\n" % req.notes.get("authenticated", "not by basic_auth"))
    return apache.OK


def whoami(req):
    """A handler that asks by itself, without AuthType, as small programs did."""
    header = req.headers_in.get("Authorization")
    if not header:
        req.err_headers_out.add("WWW-Authenticate", 'Basic realm="by hand"')
        raise apache.SERVER_RETURN(apache.HTTP_UNAUTHORIZED)
    import base64

    kind, rest = header.split(None, 1)
    name, password = base64.b64decode(rest).decode("utf-8").split(":", 1)
    if password != name[::-1]:
        req.err_headers_out["WWW-Authenticate"] = 'Basic realm="by hand"'
        req.status = apache.HTTP_UNAUTHORIZED
        req.content_type = "text/plain"
        req.write("Wrong, %s.\n" % name)
        return apache.OK
    req.user = name
    req.write("Welcome, %s.\n" % name)
    return apache.OK
