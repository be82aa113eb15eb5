"""Take files from a browser's form, list them, give them back, remove them.

    <Directory "/srv/files">
        SetHandler python-program
        PythonHandler upload
        PythonOption upload.folder /srv/files
        PythonOption upload.most 1000000
    </Directory>

The body is read line by line, so that a large file needs little memory.
"""

import os
import re
import tempfile

from mod_python import apache

LINE = 1 << 16
FORM = """<html><body><form method="post" enctype="multipart/form-data">
<input type="file" name="file"><input type="text" name="note"><input type="submit"></form>
<ul>%s</ul></body></html>
"""


class Part:
    """A field of the form: its name, its file name if it is a file, and what is in it."""

    def __init__(self, headers):
        self.headers = headers
        disposition = headers.get("Content-Disposition", "")
        self.name = self.parameter(disposition, "name")
        self.filename = self.parameter(disposition, "filename")
        self.file = tempfile.TemporaryFile("w+b")

    def parameter(self, text, name):
        match = re.search(r'[; ]%s="([^"]*)"' % name, text)
        if match:
            return match.group(1)
        return None


def read_headers(req):
    """The header lines of a part; a table, because it ignores the case of names."""
    headers = apache.make_table()
    while 1:
        line = req.readline(LINE).decode("latin-1")
        if not line.strip():
            return headers
        if line[0] in " \t":
            continue
        name, value = line.split(":", 1)
        headers.add(name.strip(), value.strip())


def read_part(req, part, boundary):
    """Read a part up to the boundary; return 1 if it is the last one."""
    delimiter = b""  # the line end before a boundary belongs to the boundary
    while 1:
        line = req.readline(LINE)
        if not line:
            raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
        if line[:2] == b"--" and delimiter != b"-":
            stripped = line.strip()
            if stripped == boundary:
                return 0
            if stripped == boundary + b"--":
                return 1
        out = delimiter + line
        if out[-2:] == b"\r\n":
            delimiter, out = b"\r\n", out[:-2]
        elif out[-1:] == b"\n":
            delimiter, out = b"\n", out[:-1]
        elif out[-1:] == b"\r":  # cut between the two
            delimiter, out = b"\r", out[:-1]
        else:
            delimiter = b""
        part.file.write(out)


def parts_of(req):
    kind = req.headers_in.get("content-type", "")
    match = re.search(r'boundary="?([^";]+)', kind)
    if not kind.startswith("multipart/form-data") or not match:
        raise apache.SERVER_RETURN(apache.HTTP_UNSUPPORTED_MEDIA_TYPE)
    boundary = b"--" + match.group(1).encode("latin-1")
    line = req.readline(LINE)
    while line and line.strip() != boundary:
        line = req.readline(LINE)
    parts, is_last = [], not line
    while not is_last:
        part = Part(read_headers(req))
        is_last = read_part(req, part, boundary)
        part.file.seek(0)
        parts.append(part)
    return parts


def save(req, folder):
    count = 0
    for part in parts_of(req):
        if not part.filename:
            continue
        name = os.path.basename(part.filename.replace("\\", "/"))
        temporary = os.path.join(folder, ".%s.%d" % (name, req.connection.id))
        target = open(temporary, "wb")
        # Whatever happens from now on, the temporary file goes.
        req.register_cleanup(remove, temporary)
        data = part.file.read(LINE)
        while data:
            target.write(data)
            data = part.file.read(LINE)
        target.close()
        os.link(temporary, os.path.join(folder, name))
        count = count + 1
    return count


def remove(path):
    os.unlink(path)


def handler(req):
    req.allow_methods(["GET", "POST", "DELETE"], 1)
    folder = req.get_options()["upload.folder"]
    name = os.path.basename(req.path_info or "") or os.path.basename(req.uri)
    if req.method_number == apache.M_POST:
        most = int(req.get_options().get("upload.most", "100000"))
        if int(req.headers_in.get("Content-Length", 0)) > most:
            return apache.HTTP_REQUEST_ENTITY_TOO_LARGE
        count = save(req, folder)
        req.status = apache.HTTP_SEE_OTHER
        req.headers_out["Location"] = req.construct_url(req.uri)
        req.content_type = "text/plain"
        req.write("%d saved\n" % count)
        return apache.OK
    if req.method == "DELETE":
        try:
            os.unlink(os.path.join(folder, name))
        except OSError as e:
            apache.log_error("upload: %s" % e, apache.APLOG_NOTICE, req.server)
            return apache.HTTP_NOT_FOUND
        return apache.HTTP_NO_CONTENT
    if req.method_number != apache.M_GET:
        return apache.HTTP_METHOD_NOT_ALLOWED
    if req.uri.endswith("/"):
        req.content_type = "text/html"
        req.send_http_header()
        if req.header_only:
            return apache.OK
        items = ['<li><a href="%s">%s</a>' % (name, name) for name in sorted(os.listdir(folder)) if name[0] != "."]
        req.write(FORM % "\n".join(items))
        return apache.OK
    try:
        req.content_type = "application/octet-stream"
        req.headers_out["Content-Length"] = str(os.path.getsize(os.path.join(folder, name)))
        req.sendfile(os.path.join(folder, name))
    except (IOError, OSError):
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    return apache.OK
