"""Handlers of protocols that peers ask for by name."""

from typing import Any

from mod_python import apache


def plain(conn: apache.Connection) -> int:
    "Blocking: lines back, upper-case, and what there is to know."
    conn.write(f"{conn.protocol} {conn.hlist.handler if conn.hlist else None} {conn.base_server.server_hostname}\n")
    while line := conn.readline():
        conn.write(line.upper())
    return apache.OK


async def talks(conn: apache.AsyncConnection) -> None:
    "The same, without a thread where that is possible."
    await conn.write(f"{conn.protocol} {conn.base_server.server_hostname}\n")
    async for line in conn:
        await conn.write(line.upper())


async def counts(conn: apache.AsyncConnection) -> None:
    "Speaks first, over time, to a peer that says nothing."
    for number in range(3):
        await conn.write(f"{number}\n")
        await conn.sleep(0.2)


async def idles(conn: apache.AsyncConnection) -> None:
    "Waits for a peer that takes its time."
    async for line in conn:
        await conn.write(line)


def declines(_: apache.Connection) -> int:
    return apache.DECLINED


async def declines_later(conn: apache.AsyncConnection) -> int:
    await conn.peek(1)
    return apache.DECLINED


async def fails(conn: apache.AsyncConnection) -> None:
    await conn.readline()
    raise ValueError("in the middle")


async def elsewhere(conn: apache.AsyncConnection) -> None:
    "Of another virtual host."
    await conn.write(f"elsewhere {conn.base_server.server_hostname} {conn.timeout:.0f}\n")


async def undecided(conn: apache.AsyncConnection) -> Any:
    "Every connection: what does not begin with HELO is for HTTP."
    if await conn.peek(4) != b"HELO":
        return apache.DECLINED
    await conn.write(f"{conn.protocol}\n")
    return None


async def certificate(conn: apache.AsyncConnection) -> None:
    names = ["SSL_PROTOCOL", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN", "SSL_TLS_SNI", "SSL_NOTHING"]
    await conn.write(repr((conn.is_https(), *map(conn.ssl_var_lookup, names))))
