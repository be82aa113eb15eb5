"""The end of a thread of httpd that has served several interpreters: what Python kept for it goes; nothing hangs."""

import time

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
CONF = """
ServerLimit 2
StartServers 1
<IfModule !mpm_prefork_module>
    # One worker, which serves all: with MaxRequestWorkers 2, httpd starts a second one while the first is at work.
    ThreadsPerChild 1
    MaxRequestWorkers 1
    MaxSpareThreads 1
    MinSpareThreads 1
</IfModule>
<IfModule mpm_prefork_module>
    MaxRequestWorkers 1
    MaxSpareServers 1
</IfModule>
<Location /ends>
    SetHandler mod_python
    PythonHandler thread_locals
</Location>
<Location /ends/other>
    PythonInterpreter other
</Location>
<Location /ends/third>
    PythonInterpreter third
</Location>
"""
NAMES = ("main_interpreter", "other", "third")


def test_what_goes_with_a_thread_may_print_raise_and_call_apache(httpd: Httpd) -> None:
    # The last one first: at the end, the state that the thread used last is not that of the first.
    threads = {httpd.get(path).text for path in ("/ends", "/ends/other", "/ends/third", "/ends/other")}
    assert len(threads) == 1, "one thread has served all"
    (old,) = httpd.children()
    for name in NAMES:
        httpd.expect(f"ValueError: raised at the end in {name}")
    httpd.expect("(?i:exception ignored) .*Goes.__del__.*Traceback.*thread_locals.py.*raise ValueError")
    httpd.graceful()
    for name in NAMES:
        httpd.wait_for_log(f"printed at the end in {name}")
        httpd.wait_for_log(f"half a line in {name}")
        httpd.wait_for_log(f"logged at the end in {name}")
    deadline = time.monotonic() + 5
    while old in httpd.children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert old not in httpd.children()
