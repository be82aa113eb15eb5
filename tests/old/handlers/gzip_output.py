"""Compress what is text for browsers that say they take gzip.

    PythonOutputFilter gzip_output GZIP
    <Location "/">
        SetOutputFilter GZIP
        PythonOption gzip.level 6
    </Location>

httpd calls the filter once for each brigade, and each call has a filter object of its own. So the compressor is kept
on the request.
"""

import struct
import zlib

from mod_python import apache

# No name, no time, made on Unix.
HEADER = b"\037\213\010\000\000\000\000\000\000\003"


class Gzip:
    """One gzip stream."""

    def __init__(self, level):
        self.deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.crc = zlib.crc32(b"")
        self.size = 0

    def feed(self, data):
        self.crc = zlib.crc32(data, self.crc)
        self.size = self.size + len(data)
        return self.deflate.compress(data)

    def end(self):
        return self.deflate.flush() + struct.pack("<LL", self.crc & 0xFFFFFFFF, self.size & 0xFFFFFFFF)


def takes_gzip(req):
    """Does the browser take it, and is it worth it?"""
    if req.main is not None:
        return 0  # a part of an SSI page: the page is compressed as a whole
    if req.content_type is None or not req.content_type.startswith("text/"):
        return 0
    if req.status != apache.HTTP_OK or req.headers_out.has_key("Content-Encoding"):
        return 0
    if not req.headers_in.has_key("Accept-Encoding"):
        return 0
    codings = [coding.split(";")[0].strip() for coding in req.headers_in["Accept-Encoding"].split(",")]
    return "gzip" in codings


def outputfilter(filter):
    req = filter.req
    if not hasattr(req, "gzip"):
        req.gzip = None
        if takes_gzip(req):
            req.gzip = Gzip(int(req.get_options().get("gzip.level", "9")))
            req.headers_out["Content-Encoding"] = "gzip"
            req.headers_out.add("Vary", "Accept-Encoding")
            del req.headers_out["Content-Length"]
            filter.write(HEADER)
    if req.gzip is None:
        filter.pass_on()
        return

    data = filter.read()
    while data:
        filter.write(req.gzip.feed(data))
        data = filter.read()
    if data is None:
        filter.write(req.gzip.end())
        filter.close()
