"""Serves CSV files as JSON: a list with one object for each row, whose names are in the first row.

    PythonOutputFilter mod_python.filters.csv_to_json CSV_TO_JSON
    <Files "*.csv">
        SetOutputFilter CSV_TO_JSON
        ForceType application/json
        PythonOption csv_delimiter ;
        PythonOption csv_charset windows-1252
    </Files>

The defaults are a comma and UTF-8. Rows are sent as they arrive, so a file may have any size.

Limits: a quotation mark within a field that is not quoted makes the following rows part of the
field. A row of more than 1 MiB ends the response.
"""

import csv
import io
import json
from collections.abc import AsyncIterator

from mod_python import apache

LONGEST = 1 << 20  # bytes of a row


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Yield the JSON of each row. Raise ValueError for a row of more than LONGEST bytes."""
    options = filter.req.get_options()
    delimiter = options.get("csv_delimiter", ",")
    names: list[str] = []
    before = "[\n"
    async for record in records(filter, options.get("csv_charset", "utf-8-sig")):
        row = next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter), [])
        if names and row:
            yield (before + json.dumps(dict(zip(names, row, strict=False)))).encode()
            before = ",\n"
        names = names or row
    yield b"[]\n" if before == "[\n" else b"\n]\n"


async def records(filter: apache.AsyncFilter, charset: str) -> AsyncIterator[str]:
    """Yield the rows as text; a row with a line break in a quoted field has several lines."""
    lines: list[bytes] = []
    size = quotes = 0
    async for line in filter.lines():
        lines.append(line)
        size += len(line)
        quotes += line.count(b'"')
        if size > LONGEST:
            raise ValueError(f"a row of more than {LONGEST} bytes: is a quotation mark missing?")
        if line.endswith(b"\n") and quotes % 2 == 0:
            yield b"".join(lines).decode(charset, "replace")
            lines, size, quotes = [], 0, 0
    if lines:
        yield b"".join(lines).decode(charset, "replace")
