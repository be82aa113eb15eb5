"""Who has a certificate that is known may come in, under the name that stands in it.

<Location "/safe">
    SSLVerifyClient optional_no_ca
    PythonAccessHandler client_cert
    PythonOption cert.names ann,localhost
</Location>
"""

import re

from mod_python import apache


def accesshandler(req):
    if not req.is_https() or req.ssl_var_lookup("HTTPS") != "on":
        req.log_error("client_cert: %s by %s" % (req.uri, req.protocol), apache.APLOG_NOTICE)
        return apache.HTTP_FORBIDDEN
    # 'CN=ann,OU=people,O=The house', or '/O=The house/CN=ann'; empty without a certificate.
    match = re.search("CN=([^,/]*)", req.ssl_var_lookup("SSL_CLIENT_S_DN"))
    if not match or match.group(1) not in req.get_options()["cert.names"].split(","):
        return apache.HTTP_FORBIDDEN
    req.user = match.group(1)
    req.ap_auth_type = "Certificate"
    req.subprocess_env["CIPHER"] = "%(SSL_CIPHER)s %(SSL_PROTOCOL)s" % {
        "SSL_CIPHER": req.ssl_var_lookup("SSL_CIPHER"),
        "SSL_PROTOCOL": req.ssl_var_lookup("SSL_PROTOCOL"),
    }
    return apache.OK


def handler(req):
    req.content_type = "text/plain"
    req.write("%s by %s over %s\n" % (req.user, req.ap_auth_type, req.subprocess_env["CIPHER"].split()[1]))
    return apache.OK
