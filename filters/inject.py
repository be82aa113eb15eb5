"""Inserts a piece of HTML before the </body> or the </head> of each page.

    PythonOutputFilter mod_python.filters.inject INJECT
    AddOutputFilterByType INJECT text/html
    PythonOption inject "<script src='/count.js'></script>"
    PythonOption inject_before head

Without `inject_before` the piece is inserted before </body>. A page without the tag is not changed.

Limit: the filter does not parse HTML. It inserts before the first text that looks like the tag,
even in a comment or a script.
"""

from collections.abc import AsyncIterator

from mod_python import apache


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    options = filter.req.get_options()
    if "inject" not in options:
        raise ValueError("no option 'inject': write PythonOption inject \"<p>HTML</p>\" where the filter works")
    tags = [f"</{options.get('inject_before', 'body')}{end}" for end in "> \t\n\f\r/"]
    pairs = {tag: options["inject"] + tag for tag in tags}
    async for chunk in filter.replace(pairs, count=1, ignore_case=True):
        yield chunk
