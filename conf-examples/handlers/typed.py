"""A type handler: it recognizes PDF, PNG and gzip files by their first bytes, not by their names.

    PythonTypeHandler typed::typehandler

It sets the content type and returns DECLINED, so httpd continues as usual: mod_mime still
finds the language in a name such as letter.de, and all other files keep their types.
"""

from mod_python import apache

TYPES = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\x1f\x8b": "application/gzip",
}


def typehandler(req: apache.Request) -> int:
    start = first_bytes(req.filename)
    for magic, content_type in TYPES.items():
        if start.startswith(magic):
            req.content_type = content_type
    return apache.DECLINED


def first_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(8)
    except OSError:  # a folder, or no such file: httpd answers the request
        return b""
