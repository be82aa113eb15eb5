"""Serves CSV files as JSON: a list with one object for each row, named by the first row.

    PythonOutputFilter mod_python.filters.csv_to_json CSV_TO_JSON
    <Files "*.csv">
        SetOutputFilter CSV_TO_JSON
        ForceType application/json
        PythonOption csv_delimiter ;
        PythonOption csv_charset windows-1252
    </Files>

Without the options: commas, and UTF-8. Rows go out as they come, so any size will do.

Limit: a quotation mark in a field that is not itself in quotation marks takes up the
next rows. A row may have a megabyte.
"""

import csv
import io
import json
from collections.abc import AsyncIterator

from mod_python import apache

LONGEST = 1 << 20


async def outputfilter(filter: apache.Filter) -> AsyncIterator[bytes]:
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


async def records(filter: apache.Filter, charset: str) -> AsyncIterator[str]:
    """Put lines together whose quotation marks or ends are still open."""
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
