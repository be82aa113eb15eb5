"""An output filter that makes responses upper-case.

    PythonOutputFilter upper::outputfilter UPPER
    SetOutputFilter UPPER

httpd calls the filter for each piece of the response. read() returns it in chunks: b"" means
that no more data is there now, None that this was the end. What the filter writes replaces
what it has read, so that a response of any size needs little memory.

bytes.upper() changes a to z, and no other alphabets.
"""

from mod_python import apache


def outputfilter(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())
