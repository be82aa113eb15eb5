r"""Reading a request body, after an input filter has dropped every \r from it.

    PythonInputFilter count::inputfilter NO_CR
    SetInputFilter NO_CR
    SetHandler mod_python
    PythonHandler count::handler

The filter works for each reader of the body: this handler, a CGI script, a proxy.
"""

from mod_python import apache


def inputfilter(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.replace(b"\r", b""))


def handler(req: apache.Request) -> int:
    size = lines = 0
    last = b"\n"
    while chunk := req.read(65536):
        size += len(chunk)
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    if last != b"\n":  # the last line has no line end
        lines += 1
    req.content_type = "text/plain"
    req.write(f"{size} bytes, {lines} lines\n")
    return apache.OK
