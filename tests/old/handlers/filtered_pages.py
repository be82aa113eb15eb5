"""Pages that gzip_output.py compresses: in pieces, from a file, slow, empty, compressed before."""

import time

from mod_python import apache

PIECE = "0123456789" * 30


def handler(req):
    name = req.uri.split("/")[-1]
    req.content_type = "text/plain"
    req.send_http_header()
    if name == "pieces":
        for number in range(1000):
            req.write(PIECE, 0)
    elif name == "flushed":
        for number in range(1000):
            req.write(PIECE)
    elif name == "file":
        path = apache.server_root() + "/state/page"
        file = open(path, "w")
        file.write(PIECE * 1000)
        file.close()
        req.sendfile(path)
    elif name == "coded":
        import gzip

        req.headers_out["Content-Encoding"] = "gzip"
        req.write(gzip.compress(b"coded"))
    elif name == "waits":
        req.write("first")
        time.sleep(0.3)
        req.write("second")
    return apache.OK
