"""Locks that all children share, and the parsers of queries: the private functions that users of mod_python know."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CALL = """
<Location "/call">
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
"""
# Several children from the start, and none that goes.
CONF = f"""
<IfModule mpm_event_module>
    StartServers 3
    ServerLimit 3
    ThreadsPerChild 4
    ThreadLimit 4
    MaxRequestWorkers 12
    MinSpareThreads 1
    MaxSpareThreads 12
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 6
    MinSpareServers 6
    MaxSpareServers 10
</IfModule>
{CALL}
"""


def call(httpd: Httpd, name: str) -> Any:
    return json.loads(httpd.get(f"/call/global_locks/{name}").text)


def of_many(httpd: Httpd, names: list[str]) -> set[int]:
    """The children that answer these calls, made by eight clients at once."""
    with ThreadPoolExecutor(8) as pool:
        return {answer[0] for answer in pool.map(lambda name: call(httpd, name), names)}


def test_w116_one_at_a_time_in_all_children(httpd: Httpd) -> None:
    number = httpd.write("number", "0")
    number.chmod(0o666)
    assert len(of_many(httpd, ["count"] * 80)) > 1
    assert number.read_text() == "80"


def test_w116_locks_may_cross_between_threads_of_children(httpd: Httpd) -> None:
    """The kernel sees a deadlock of two children where a thread of each holds what is soon given back."""
    orders = ["crossing?1,2", "crossing?2,3", "crossing?3,5", "crossing?1,5"]
    assert len(of_many(httpd, orders * 15)) > 1


@pytest.fixture
def holder(httpd: Httpd) -> Iterator[Future[Any]]:
    """A request that holds the lock of a key until there is a file `go`; its child stands in `holder`."""
    httpd.htdocs.chmod(0o777)
    (httpd.htdocs / "holder").unlink(missing_ok=True)
    (httpd.htdocs / "go").unlink(missing_ok=True)
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(lambda: call(httpd, "hold"))
        wait_for(lambda: (httpd.htdocs / "holder").exists() and (httpd.htdocs / "holder").read_text())
        yield request
        httpd.write("go", "")


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_w116_a_key_means_the_same_lock_in_all_children(httpd: Httpd, holder: Future[Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call(httpd, "attempt"), range(24)))
    own = int((httpd.htdocs / "holder").read_text())
    assert {pid for pid, *_ in answers} - {own}
    assert not any(text or same for _, text, same, _ in answers)
    assert any(other for *_, other in answers)
    httpd.write("go", "")
    assert holder.result(10) == ["done"]
    assert call(httpd, "wait") == ["got it"]


def elsewhere(httpd: Httpd) -> Any:
    """What a child that is not the holder answers when it has the lock."""
    while (told := call(httpd, "wait_elsewhere")) == ["holder"]:
        pass
    return told


def test_w116_a_child_that_is_killed_holds_nothing(httpd: Httpd, holder: Future[Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(elsewhere, httpd)
        time.sleep(0.1)
        assert not waiting.done()
        os.kill(int((httpd.htdocs / "holder").read_text()), signal.SIGKILL)
        assert waiting.result(10) == ["got it"]
    assert isinstance(holder.exception(10), OSError)


def test_w117_errors_say_what_to_do(httpd: Httpd) -> None:
    told = call(httpd, "errors")
    index = "ValueError: a global lock has an index from 0 to 7, or -1 to be chosen by its key"
    assert told["server"] == "TypeError: a global lock takes a server first, such as req.server, not mp_request"
    assert told["above"].startswith(index)
    assert told["below"].startswith(index)
    assert told["key"].startswith("TypeError: a global lock's key is a str, bytes or an int")
    assert told["free"] == "ValueError: lock 3 is not held by this child: lock it first"
    assert told["again"].startswith("ValueError: lock 3 is held by this very code, which would wait for ever")
    assert told["trylock"] == "False"


def test_any_thread_of_the_child_can_unlock(httpd: Httpd) -> None:
    told = call(httpd, "threads")
    assert told["before"] == []
    assert told["told"][0] == "got it"
    assert told["told"][1].startswith("ValueError: lock 4 is held by this very code")
    assert told["free"] is True


@pytest.mark.parametrize("mutex", ["", "Mutex posixsem python", "Mutex flock python", "Mutex pthread python"])
def test_w117_there_can_be_a_single_lock_of_any_kind(mutex: str) -> None:
    with Httpd(f"{mutex}\nPythonOption mod_python.mutex_locks 1\n{CALL}", beside=__file__) as server:
        first, second, third, error = call(server, "only_one")
        assert (first, second, third) == (True, False, False)
        assert error.startswith("ValueError: a global lock has an index from 0 to 0")


def test_w116_the_folder_is_said_as_httpd_does() -> None:
    with Httpd("PythonOption mod_python.mutex_directory /tmp", beside=__file__) as server:
        server.expect("mutex_directory has no effect: write Mutex file:FOLDER python")


def test_parse_qs(httpd: Httpd) -> None:
    assert call(httpd, "queries") == {
        "plain": "[('a', '1'), ('b', '2'), ('a', '3')]",
        "semicolon": "[('a', '1'), ('b', '2')]",
        "blank": "[('c', '1')]",
        "kept": "[('a', ''), ('b', ''), ('c', '1')]",
        "signs": "[('a b', 'c d+'), ('e', 'f=g')]",
        "utf8": "[('n', 'é'), ('m', 'é')]",
        "invalid": "[('n', '\\udcff'), ('m', '%zz')]",
        "bytes": "[(b'a', b'\\xff\\xe9'), (b'b', b'1')]",
        "dict": "{'a': ['1', '3'], 'b': ['2']}",
        "dict of bytes": "{b'a': [b'1', b'2']}",
        "strict": "ValueError: bad query field: 'a'",
        "wrong": "TypeError: a query is str or bytes, not NoneType",
    }
