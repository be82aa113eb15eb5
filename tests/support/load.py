"""Load from several threads: so many requests in all, with a look at the child's memory on the way, or for a while."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from httpd import Httpd


@dataclass
class Outcome:
    """What the load showed: seconds, wrong answers, and by place how many were right and Python's highest count."""

    seconds: float = 0
    wrong: list[bytes] = field(default_factory=list)
    answered: Counter[Any] = field(default_factory=Counter)
    highest: Counter[Any] = field(default_factory=Counter)
    reconnected: int = 0
    grown: int = 0
    """KiB by which the child has grown since `warm` of the requests."""


class Client(Protocol):
    """The connections of one thread."""

    def ask(self, number: int) -> None:
        """Send one request, and note in an `Outcome` what comes back."""

    def close(self) -> None:
        """Leave."""


def run(httpd: Httpd, requests: int, clients: int, connect: Callable[[Outcome], Client], *, warm: float) -> Outcome:
    """Send numbered requests to a server with one child, from several threads.

    Args:
        httpd: the server.
        requests: how many there are in all.
        clients: how many threads send them.
        connect: makes the connections of one thread, which note in the outcome that they are given.
        warm: after which part of the requests the child's memory is looked at.

    Returns:
        The outcomes of all threads as one.
    """
    outcomes = [Outcome() for _ in range(clients)]
    middle = int(requests * warm)
    bounds = iter(range(middle)), iter(range(middle, requests))  # which all threads share
    barrier = threading.Barrier(clients + 1)
    [child] = httpd.children()

    def work(outcome: Outcome) -> None:
        client = connect(outcome)
        try:
            for numbers in bounds:
                for number in numbers:
                    client.ask(number)
                barrier.wait()
        except OSError as error:
            outcome.wrong.append(repr(error).encode())
            barrier.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=work, args=(outcome,)) for outcome in outcomes]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    barrier.wait()
    before = httpd.memory(child).now
    barrier.wait()
    total = Outcome(seconds=time.monotonic() - begin, grown=httpd.memory(child).now - before)
    for thread, outcome in zip(threads, outcomes, strict=True):
        thread.join()
        total.wrong += outcome.wrong
        total.answered += outcome.answered
        total.highest |= outcome.highest
        total.reconnected += outcome.reconnected
    return total


@contextlib.contextmanager
def meanwhile(threads: int, work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Have so many threads work until the end of the block, which the event tells them."""
    is_over = threading.Event()
    running = [threading.Thread(target=work, args=(is_over,)) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in running:
            thread.join()
