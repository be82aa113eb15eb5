"""Gives each page a nonce of its own: in a Content-Security-Policy header and in every <script>.

    PythonOutputFilter mod_python.filters.nonce NONCE
    AddOutputFilterByType NONCE text/html
    PythonOption nonce_policy "script-src 'nonce-{nonce}' 'strict-dynamic'; object-src 'none'; base-uri 'none'"

The option may be left out; this is its default. Browsers then run only scripts that came
with the page: none from attributes like onclick, none that were added later. Pages are
marked as not to be kept, since a nonce is good for one response.

Limit: all scripts in the page get the nonce, those too that somebody has smuggled into it
on the server.
"""

import secrets
from collections.abc import AsyncIterator

from mod_python import apache

POLICY = "script-src 'nonce-{nonce}' 'strict-dynamic'; object-src 'none'; base-uri 'none'"


async def outputfilter(filter: apache.Filter) -> AsyncIterator[bytes]:
    nonce = secrets.token_urlsafe(16)
    headers = filter.req.headers_out
    headers["Content-Security-Policy"] = filter.req.get_options().get("nonce_policy", POLICY).format(nonce=nonce)
    headers["Cache-Control"] = "no-store"
    tags = {f"<script{end}": f'<script nonce="{nonce}"{end}' for end in "> \t\n\f\r/"}
    async for chunk in filter.replace(tags, ignore_case=True):
        yield chunk
