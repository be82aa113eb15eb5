"""Refuses request bodies of more than so many bytes with 413.

    PythonInputFilter mod_python.filters.limit_upload LIMIT change=no
    <Location "/upload">
        SetInputFilter LIMIT
        PythonOption limit_upload 1000000
    </Location>

It counts what passes, so a body of unknown length (chunked) is refused as soon as it is
too long, and so is one that a filter before this one has unpacked: SetInputFilter
DEFLATE;LIMIT stops what is small on the wire and large behind it, as LimitRequestBody
cannot.

Limit: what came before was handed on; only at its end is a body known to be all right.
"""

from collections.abc import AsyncIterator

from mod_python import apache


async def inputfilter(filter: apache.Filter) -> AsyncIterator[bytes]:
    left = int(filter.req.get_options()["limit_upload"])
    async for chunk in filter:
        left -= len(chunk)
        if left < 0:
            raise apache.SERVER_RETURN(apache.HTTP_REQUEST_ENTITY_TOO_LARGE)
        yield chunk
