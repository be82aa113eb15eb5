"""Responses that are parts of a whole or name odd codings, and a reader of request bodies."""

from mod_python import apache

WHOLE = b"abcdefghij"


def handler(req: apache.Request) -> int:
    """Answer a Range of one or of two parts as a server behind a proxy does."""
    req.content_type = "text/plain"
    req.headers_out["ETag"] = '"whole"'
    asked = req.headers_in.get("Range")
    if asked is None:
        body = WHOLE
    elif "," not in asked:
        req.status = apache.HTTP_PARTIAL_CONTENT
        req.headers_out["Content-Range"] = "bytes 2-4/10"
        body = WHOLE[2:5]
    else:
        req.status = apache.HTTP_PARTIAL_CONTENT
        req.content_type = "multipart/byteranges; boundary=edge"
        parts = (b"--edge\r\nContent-Range: bytes %d-%d/10\r\n\r\n" % pair for pair in ((0, 1), (4, 5)))
        body = b"ab\r\n".join(parts) + b"ef\r\n--edge--\r\n"
    req.headers_out["Content-Length"] = str(len(body))
    req.write(body)
    return apache.OK


def coded(req: apache.Request) -> int:
    """Answer with the Content-Encoding that the query names; after a "|", with a second header of that name."""
    req.content_type = "text/html;charset=UTF-8"
    for coding in (req.args or "").split("|"):
        req.headers_out.add("Content-Encoding", coding)
    req.write("<body>")
    return apache.OK


def reader(req: apache.Request) -> int:
    length = req.headers_in.get("Content-Length")
    req.write(f"{length} {req.read().hex()}")
    return apache.OK


def fails(req: apache.Request) -> int:
    req.status = apache.HTTP_PARTIAL_CONTENT
    req.headers_out["Content-Range"] = "bytes 2-4/10"
    raise RuntimeError("a failed part")


def raises(filter: apache.Filter) -> None:
    raise RuntimeError("a failed part")
