"""Adds a nonce to each page: in a Content-Security-Policy header (CSP Level 3) and in every <script>.

    PythonOutputFilter mod_python.filters.nonce NONCE
    AddOutputFilterByType NONCE text/html
    PythonOption nonce_policy "script-src 'nonce-{nonce}' 'strict-dynamic'; object-src 'none'; base-uri 'none'"

This is the option's default. Browsers then run only the scripts in the page, and scripts that these
load: none in attributes such as onclick, none that are injected later. The filter sets
`Cache-Control: no-store`, since a nonce is for one response.

Limit: every script in the page gets the nonce, also one that an attacker has put into it on the
server.
"""

import secrets
from collections.abc import AsyncIterator

from mod_python import apache

POLICY = "script-src 'nonce-{nonce}' 'strict-dynamic'; object-src 'none'; base-uri 'none'"


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    nonce = secrets.token_urlsafe(16)
    headers = filter.req.headers_out
    headers["Content-Security-Policy"] = filter.req.get_options().get("nonce_policy", POLICY).format(nonce=nonce)
    headers["Cache-Control"] = "no-store"
    tags = {f"<script{end}": f'<script nonce="{nonce}"{end}' for end in "> \t\n\f\r/"}
    async for chunk in filter.replace(tags, ignore_case=True):
        yield chunk
