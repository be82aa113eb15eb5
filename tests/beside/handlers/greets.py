"""Connection handlers that speak first, and tell whom they serve."""

from mod_python import apache


def plain(conn: apache.Connection) -> int:
    conn.write(f"{conn.useragent_ip}\n".encode())
    conn.write(conn.readline())
    return apache.OK


async def waits(conn: apache.AsyncConnection) -> int:
    await conn.write(f"{conn.useragent_ip}\n".encode())
    await conn.write(await conn.readline())
    return apache.OK
