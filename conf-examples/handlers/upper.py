"""An output filter: whatever httpd serves, in capitals.

    PythonOutputFilter upper::outputfilter UPPER
    SetOutputFilter UPPER

httpd calls the filter whenever a piece of the response is ready. read() gives it in
chunks: b"" means nothing more for now, None means that this was the end. What the
filter writes takes the place of what it read, so any size needs little memory.

bytes.upper() changes a to z and leaves other alphabets as they are.
"""

from mod_python import apache


def outputfilter(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())
