"""CPU time of a wake-up: of a connection handler by `apache.aio` and by `conn.sleep`, and of a task of asyncio alone.

By hand: target/venv/bin/python tests/bench/wakeups.py [--rounds 5] [--count 40000]; the least of the rounds is shown.
The machine may be shared: the ways take turns in each round. Each connection waits as often as it is told; a wake-up
is one such wait, from the step that begins it to the step that it ends.
"""

import argparse
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402

CONF = """
ServerLimit 1
StartServers 1
MaxRequestWorkers 16
AsyncRequestWorkerFactor 60
Listen 127.0.0.1:${WAKEUPS_PORT}
<VirtualHost *:${WAKEUPS_PORT}>
    PythonConnectionHandler bench_wakeups
    Timeout 300
</VirtualHost>
"""
HANDLER = """
import asyncio
import time
from mod_python import apache

async def connectionhandler(conn):
    async for line in conn:
        way, count = line.split()
        if way == b"aio":
            for _ in range(int(count)):
                await apache.aio(asyncio.sleep(0))
        elif way == b"deadline":
            for _ in range(int(count)):
                await conn.sleep(0)
        await conn.write(f"{time.process_time()}\\n")
"""
ALONE = """
import asyncio, sys, time

async def waits(count):
    for _ in range(count):
        await asyncio.create_task(asyncio.sleep(0))

async def main(connections, count):
    begin = time.process_time()
    await asyncio.gather(*(waits(count // connections) for _ in range(connections)))
    print(time.process_time() - begin)

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""
WAYS = ("aio", "deadline")


def in_handlers(httpd: Httpd, way: str, connections: int, count: int) -> float:
    """CPU time of the child per wake-up, in microseconds."""
    clients = [httpd.connect(httpd.port_of("WAKEUPS_PORT")) for _ in range(connections)]
    for client in clients:
        client.settimeout(120)

    def clock(client_line: bytes) -> float:
        for client in clients:
            client.sendall(client_line)
        return max(float(client.recv(100)) for client in clients)

    clock(b"%s 1\n" % way.encode())
    begin = clock(b"nothing 0\n")
    end = clock(b"%s %d\n" % (way.encode(), count // connections))
    for client in clients:
        client.close()
    return (end - begin) / count * 1e6


def alone(connections: int, count: int) -> float:
    """CPU time of a task of asyncio's own, in microseconds."""
    command = [sys.executable, "-c", ALONE, str(connections), str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / count * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=40_000)
    options = parser.parse_args()
    best: dict[tuple[str, int], float] = {}
    with Httpd(CONF) as httpd:
        httpd.handler("bench_wakeups.py", HANDLER)
        for _ in range(options.rounds):
            for connections, count in ((1, options.count // 8), (50, options.count)):
                costs = {way: in_handlers(httpd, way, connections, count) for way in WAYS}
                costs["asyncio alone"] = alone(connections, count)
                for way, cost in costs.items():
                    best[way, connections] = min(cost, best.get((way, connections), cost))
    for (way, connections), cost in best.items():
        print(f"{way:>14}, {connections:2} at once: {cost:6.2f} us")


if __name__ == "__main__":
    main()
