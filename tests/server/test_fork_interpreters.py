"""Forks by Python code where a process has several interpreters: CPython cannot do that, so they are refused."""

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
ServerLimit 1
StartServers 1
MaxRequestWorkers 1
<IfModule mpm_event_module>
    ThreadsPerChild 1
</IfModule>
<Location "/main">
    SetHandler mod_python
    PythonInterpreter main_interpreter
    PythonHandler forks
</Location>
<Location "/other">
    SetHandler mod_python
    PythonInterpreter other
    PythonHandler forks
</Location>
"""
HANDLER = """
import multiprocessing, os, pty, subprocess

def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def forkpty():
    pid, terminal = pty.fork()
    if pid == 0:
        os._exit(3)
    status = os.waitpid(pid, 0)[1]
    os.close(terminal)
    return os.waitstatus_to_exitcode(status)

def process():
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join()
    return 3 if process.exitcode == 0 else process.exitcode

def program():
    return subprocess.run(["sh", "-c", "exit 3"]).returncode

def handler(req):
    try:
        req.write(str(globals()[req.args]()))
    except RuntimeError as error:
        req.write(str(error))
    return 0
"""
FORKS = ("fork", "forkpty", "process")


def test_forks_are_refused_where_there_are_several_interpreters(httpd: Httpd) -> None:
    httpd.handler("forks.py", HANDLER)
    for name in (*FORKS, "program"):
        assert httpd.get(f"/main?{name}").text == "3"
    for path in ("/other", "/main"):
        assert httpd.get(f"{path}?program").text == "3"
        for name in FORKS:
            text = httpd.get(f"{path}?{name}").text
            assert text.startswith(f"os.{name.replace('process', 'fork')}() does not work in a process with several")
            assert "PythonInterpreter main_interpreter" in text
