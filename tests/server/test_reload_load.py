"""Under load, modules are rewritten again and again: each answer is of a good version, an old or a new one."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd, WithoutPath

MPMS = ("event", "worker", "prefork")
SERVER = WithoutPath
CONF = """
SetHandler mod_python
# No child starts later: it might have no good version.
<IfModule prefork.c>
    StartServers 6
    MaxRequestWorkers 6
    MinSpareServers 1
    MaxSpareServers 6
</IfModule>
<Directory ${HTDOCS}/load>
    PythonAccessHandler door
    PythonHandler page
</Directory>
"""
DOOR = """
import rules
def accesshandler(req):
    if req.args in ("open", "slow"):
        return 0
    return 403
"""
PAGE = """
import rules
from rules import value as named
value = {value}
def handler(req):
    if req.args == "slow":
        import os, time
        time.sleep(0.1)
        req.write(f"{{os.getpid()}}")
        return 0
    req.write(f"{{value}} {{rules.value}} {{named}} {{rules.whole(named)}}", 0)
    return 0
"""
RULES = """
value = {value}
def whole(value):
    return "whole"
"""
BROKEN = ["", "def handler(req:\n", "1 / 0\n", "import no_such_module\n", "raise SystemExit\n"]
TIMES = 100


@pytest.mark.alone
def test_no_answer_is_of_a_broken_version(httpd: Httpd) -> None:
    put = {"page": PAGE, "rules": RULES}
    httpd.write("load/x", "the file")
    httpd.write("load/door.py", DOOR)
    for name, source in put.items():
        httpd.write(f"load/{name}.py", source.format(value=0))
    children: set[str] = set()
    with ThreadPoolExecutor(5) as pool:
        while len(children) < (6 if httpd.mpm == "prefork" else 1):
            children |= set(pool.map(lambda _: httpd.get("/load/x?slow").text, range(5)))
    assert httpd.get("/load/x?open").text == "0 0 0 whole"
    httpd.allow("its changed version cannot be used|Error|SystemExit")
    answers: dict[str, int] = {}
    refused: set[int] = set()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = httpd.get("/load/x?open")
            text = answer.text if answer.status == 200 else f"{answer.status}"
            answers[text] = answers.get(text, 0) + 1
            refused.add(httpd.get("/load/x").status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    choose = random.Random(1)
    values = {"page": 0, "rules": 0}
    for time_of in range(1, TIMES + 1):
        name = choose.choice(["page", "rules"])
        is_broken = time_of % 10 == 5
        text = choose.choice(BROKEN) if is_broken else put[name].format(value=time_of)
        if not is_broken:
            values[name] = time_of
        if choose.random() < 0.5:
            httpd.write(f"load/{name}.py", text)
        else:
            (httpd.htdocs / "load" / f"{name}.py").write_text(text)
        time.sleep(choose.choice([0.0, 0.02, 0.1, 0.2]))
    for name, source in put.items():
        httpd.write(f"load/{name}.py", source.format(value=values[name]))
    wanted = f"{values['page']} {values['rules']} {values['rules']} whole"
    end = time.monotonic() + 30
    while answers.get(wanted, 0) < 200:
        assert time.monotonic() < end, (wanted, answers)
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert refused == {403}
    for text in answers:
        words = text.split()
        assert len(words) == 4 and words[1] == words[2] and words[3] == "whole", answers
    assert len(answers) > 10, answers
