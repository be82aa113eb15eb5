"""Replaces texts by other texts in responses.

    PythonOutputFilter mod_python.filters.replace REPLACE
    AddOutputFilterByType REPLACE text/html text/css
    PythonOption replace:http://old.example/ https://new.example/
    PythonOption replace:colour color
    PythonOption replace_ignore_case on

Each option whose name begins with `replace:` has a text and its replacement. If several of the texts
match at one position, the longest is replaced.

Limits: it searches for texts in UTF-8, not for patterns. A replacement cannot be empty.
"""

from collections.abc import AsyncIterator

from mod_python import apache

PREFIX = "replace:"


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    options = filter.req.get_options()
    pairs = {name.removeprefix(PREFIX): new for name, new in options.items() if name.startswith(PREFIX)}
    if not pairs:
        raise ValueError("no option 'replace:TEXT': write PythonOption replace:OLD NEW where the filter works")
    ignore_case = options.get("replace_ignore_case", "off") == "on"
    async for chunk in filter.replace(pairs, ignore_case=ignore_case):
        yield chunk
