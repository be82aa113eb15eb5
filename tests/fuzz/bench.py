"""Generated brigades and failures through generated filters, in the test double of httpd.

python -m tests.fuzz.bench SEED CASES is a process of its own, since what is looked for may end it. It prints the
number of each case before it begins.
"""

import dataclasses
import os
import random
import subprocess
import sys
import textwrap
from typing import Any, NamedTuple

from mod_python import testing
from server import PROJECT
from tests.fuzz import flow
from tests.fuzz.answers import Fault
from tests.fuzz.flow import Flow

# isort: split
from mod_python import apache
from mod_python.testing import Piece
from mod_python.testing.bench import Bench, Setting
from mod_python.testing.check import WAYS

_KEYS = ["", "", "held=10", "held=1", "on_error=pass", "encoding=any"]
_KINDS = ["resource", "content_set", "protocol", "transcode"]


class Case(NamedTuple):
    """One filter, and how it is treated."""

    flow: Flow
    setting: Setting
    way: tuple[str, ...]
    error: int | None
    leaves_at: int | None

    def wrong(self, pieces: list[Piece]) -> str | None:
        """Say what is wrong with what comes out for these pieces, if anything is."""
        whole = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        headers = {name: str(len(whole)) for name in self.setting.headers}
        names: dict[str, Any] = {"apache": apache, "keep": lambda _: None, "in_thread": lambda _: None}
        exec("import gc\n" + self.flow.text, names)
        with Bench(names["filter"], dataclasses.replace(self.setting, headers=headers)) as bench:
            if self.setting.input:
                try:
                    bench.read(pieces, self.way, error=self.error)
                except AssertionError as endless:
                    return str(endless)
            else:
                bench.write(pieces, error=self.error, leaves_at=self.leaves_at)
            result = bench.result()
        fault = self._judged(whole, result)
        return fault and f"{fault}\n{result!r:.1000}"

    def _judged(self, whole: bytes, result: testing.Result) -> str | None:
        if result.manners:
            return f"manners: {result.manners}"
        if any("panic" in line or "SystemError" in line for line in result.log):
            return "a panic"
        # What a client never sees, and what is kept no longer, tells nothing.
        if self.setting.method == "HEAD" or self.leaves_at is not None:
            return None
        if said := flow.judge([self.flow], whole, result.body, whole=result.complete):
            return said
        if self.error and result.complete and not self.flow.drops:
            return "a body that broke off came to its end"
        may_fail = self.flow.fails or self.flow.drops or self.error or "held" in self.setting.keys
        if not result.complete and not may_fail:
            return "the body did not come to its end"
        return None


def case(chance: random.Random, kind: str) -> None:
    """One filter, one body, one way of cutting it and of failing; a process has filters of one kind only."""
    is_input = chance.random() < 0.4
    keys = chance.choice(_KEYS[: 5 if is_input else len(_KEYS)])
    has_length = chance.random() < 0.7
    setting = Setting(
        input=is_input,
        headers={"Content-Length": ""} if has_length else {},
        content_type="text/html",
        encoding=chance.choice([None, None, "gzip"]) if not is_input else None,
        options={},
        keys=keys if is_input else f"{keys} kind={kind}",
        method="POST" if is_input else chance.choice(["GET", "GET", "HEAD"]),
    )
    made = Case(
        chance.choice([flow.generator, flow.plain])(chance, "filter"),
        setting,
        chance.choice(WAYS),
        chance.choice([None, None, None, 70007 if is_input else 502]),
        chance.choice([None, None, None, chance.randint(0, 5)]),
    )
    # Bodies are read a byte at a time, or become so many brigades.
    pieces = flow.cut(chance, flow.body(chance)[:20_000])
    if fault := made.wrong(pieces):
        place = 0
        while place < len(pieces):  # without what makes no difference
            less = flow.filled(pieces[:place] + pieces[place + 1 :])
            if len(less) < len(pieces) and (other := made.wrong(less)):
                pieces, fault = less, other
            else:
                place += 1
        raise Fault(f"{fault}\n{made.flow.text}{made._replace(flow=made.flow._replace(text=''))}\n{pieces!r:.2000}")


def apart(seed: int, cases: int, seconds: float = 600) -> tuple[int, str | None]:
    """Run cases in a process of its own; how many there were, and what was wrong."""
    command = [sys.executable, "-P", "-m", "tests.fuzz.bench", str(seed), str(cases)]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(PROJECT / name) for name in (".", "python", "scripts", "tests/support")),
    }
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as late:
        number = (late.stdout or b"").decode().split()[-1:]
        return 0, f"bench, seed {seed}, case {number}: still running after {seconds} s"
    numbers = done.stdout.split()
    if done.returncode == 0:
        return len(numbers), None
    said = textwrap.shorten(done.stderr, 100_000) if done.returncode != 1 else done.stderr
    return len(numbers), f"bench, seed {seed}, case {numbers[-1:]}, ended with {done.returncode}: {said}"


if __name__ == "__main__":
    for number in range(int(sys.argv[2])):
        print(number, flush=True)
        case(random.Random(f"bench {sys.argv[1]} {number}"), _KINDS[int(sys.argv[1]) % len(_KINDS)])
