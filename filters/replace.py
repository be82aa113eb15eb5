"""Replaces texts by others in whatever is served.

    PythonOutputFilter mod_python.filters.replace REPLACE
    AddOutputFilterByType REPLACE text/html text/css
    PythonOption replace:http://old.example/ https://new.example/
    PythonOption replace:colour color
    PythonOption replace_ignore_case on

Each option whose name begins with `replace:` names a text and what takes its place. Where
several begin at the same place the longest is taken.

Limit: texts, not patterns, searched for as UTF-8; one cannot be replaced by nothing.
"""

from collections.abc import AsyncIterator

from mod_python import apache

PREFIX = "replace:"


async def outputfilter(filter: apache.Filter) -> AsyncIterator[bytes]:
    options = filter.req.get_options()
    pairs = {name.removeprefix(PREFIX): new for name, new in options.items() if name.startswith(PREFIX)}
    ignore_case = options.get("replace_ignore_case", "off") == "on"
    async for chunk in filter.replace(pairs, ignore_case=ignore_case):
        yield chunk
