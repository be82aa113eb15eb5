"""Refuses request bodies of more than a number of bytes with 413.

    PythonInputFilter mod_python.filters.limit_upload LIMIT change=no encoding=any
    <Location "/upload">
        SetInputFilter LIMIT
        PythonOption limit_upload 1000000
    </Location>

The filter counts the bytes that pass, so that a chunked body is refused as soon as it is too long.
Behind a filter that decompresses, it counts decompressed bytes: SetInputFilter DEFLATE;LIMIT refuses
a body that is small on the wire and large when decompressed, which LimitRequestBody does not.
Without `encoding=any`, a body with a Content-Encoding that nobody decodes would not be counted.

Limit: the reader has already received the bytes before the limit when the body is refused.
"""

from collections.abc import AsyncIterator

from mod_python import apache


async def inputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    options = filter.req.get_options()
    if "limit_upload" not in options:
        raise ValueError("no option 'limit_upload': write PythonOption limit_upload BYTES where the filter works")
    left = int(options["limit_upload"])
    async for chunk in filter:
        left -= len(chunk)
        if left < 0:
            raise apache.SERVER_RETURN(apache.HTTP_REQUEST_ENTITY_TOO_LARGE)
        yield chunk
