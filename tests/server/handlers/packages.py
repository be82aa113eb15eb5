"""Uses packages with extension modules, and changes what each interpreter has for itself."""

import json
import sys
import threading
from typing import Any

from mod_python import apache

calls: list[str] = []


class Output:
    "A stream in the place of sys.stdout, which keeps what is written."

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def answer(req: apache.Request, **found: Any) -> int:
    req.content_type = "application/json"
    req.write(json.dumps({"interpreter": apache.interpreter, **found}))
    return apache.OK


def numbers(req: apache.Request) -> int:
    import numpy as np

    return answer(req, sum=int(np.arange(10).sum()))


def shared(req: apache.Request) -> int:
    "Works in any number of interpreters."
    import asyncio
    import sqlite3

    import markupsafe
    from markupsafe import _speedups

    database = sqlite3.connect(":memory:")
    database.create_function("name", 0, lambda: apache.interpreter)
    [[name]] = database.execute("select name()")
    database.close()

    async def sleeps() -> str:
        await asyncio.sleep(0)
        return await asyncio.to_thread(lambda: apache.interpreter)

    return answer(
        req,
        database=name,
        escaped=str(markupsafe.escape("<&>")),
        speedups=_speedups.__name__,
        loop=asyncio.run(sleeps()),
    )


def cancels(req: apache.Request) -> int:
    "Cancels in each way that asyncio has; twice, since what the first one leaves may be in the way."
    import asyncio

    raised: list[str] = []

    async def each_way() -> int:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        except BaseException as error:
            raised.append(type(error).__name__)
        try:
            await asyncio.wait_for(asyncio.sleep(10), 0.01)
        except BaseException as error:
            raised.append(type(error).__name__)
        task = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            raised.append("caught")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(10))
                raise KeyError
        except* KeyError:
            raised.append("KeyError")
        return len(asyncio.all_tasks())

    asyncio.run(each_way())
    count = asyncio.run(each_way())
    return answer(req, raised=raised, tasks=count, is_fast=asyncio.Task.__module__ == "_asyncio")


def own(req: apache.Request) -> int:
    "Tells what this interpreter has, then changes it."
    main = threading.main_thread()
    found = {
        "argv": sys.argv[:],
        "marked path": "/marked" in sys.path,
        "marked modules": "marked" in sys.modules,
        "calls": len(calls),
        "stdout": type(sys.stdout).__name__,
        "main_thread": main.ident,
        "is_main": threading.current_thread() is main,
    }
    calls.append("own")
    sys.argv.append(apache.interpreter)
    sys.path.append("/marked")
    sys.modules["marked"] = sys
    sys.stdout = Output()
    print("printed for myself")
    found["printed"] = sys.stdout.text
    return answer(req, **found)


def prints(req: apache.Request) -> int:
    print(f"printed by {apache.interpreter}")
    return answer(req)
