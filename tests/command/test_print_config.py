"""`mod_python serve --print-config`: an httpd that is started with what it prints answers as `serve` does."""

import re
import signal
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command_place import Place, get
from programs import PATIENCE, Program, kill

APP = """
import os

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.environ['WORD']} {environ['PATH_INFO']}\\n".encode()]
"""
SHOUT = "def outputfilter(filter):\n    while chunk := filter.read():\n        filter.write(chunk.upper())\n"


def printed(place: Place, before: tuple[str, ...], env: dict[str, str], *words: str) -> str:
    """What the command prints, run by that user."""
    command = [*before, "/usr/bin/python3", "-m", "mod_python", "serve", *words, "--port", "0", "--print-config"]
    program = Program(["sh", "-c", '"$@" > httpd.conf', "sh", *command], place.env | env, place.folder)
    place.programs.append(program)
    assert program.end() == 0, program.text
    assert program.text == ""
    text = (place.folder / "httpd.conf").read_text()
    assert str(place.temporary) not in text
    assert "_command" not in re.sub(r"\nDocumentRoot .*", "", text)
    return text


@contextmanager
def started(place: Place, before: tuple[str, ...], text: str) -> Iterator[str]:
    """An httpd that is started with the commands of the comment at the top: its URL."""
    lines = [line.removeprefix("#     ") for line in text.splitlines() if line.startswith("#     ")]
    last = lines.pop().replace("/the/path/of/this/file", f"{place.folder}/httpd.conf -D FOREGROUND")
    env = {name: value for name, value in place.env.items() if name != "PYTHONPATH"}
    program = Program([*before, "sh", "-c", "\n".join([*lines, f"exec env {last}"])], env, place.folder)
    place.programs.append(program)
    match = re.search(r"^Listen (\S+)$", text, re.MULTILINE)
    assert match
    wait_for_answer(program, f"http://{match[1]}/")
    try:
        yield f"http://{match[1]}/"
    finally:
        kill(program.process.pid, signal.SIGTERM)
        program.end()


def wait_for_answer(program: Program, url: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        assert program.process.poll() is None, program.text
        try:
            get(url)
        except urllib.error.URLError:
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return


def test_an_application_and_variables_of_a_file(place: Place) -> None:
    place.write("site.env", "WORD='good morning'\n")
    place.write("it's my shop.py", APP)
    before, env = place.as_user()
    (place.folder / "site.env").chmod(0o600)
    text = printed(place, before, env, "it's my shop.py", "--env-file", "site.env")
    assert "good morning" not in text
    with started(place, before, text) as url:
        assert get(url + "a/b") == (200, "good morning /a/b\n")
    assert (place.folder / "access.log").read_text().count('"GET /a/b HTTP/1.1" 200 ') == 1
    assert "error]" not in (place.folder / "error.log").read_text()


def test_a_filter_over_a_folder_with_the_logs(place: Place) -> None:
    place.write("shout.py", SHOUT)
    place.write("hello.txt", "Hello, world!\n")
    before, env = place.as_user()
    text = printed(place, before, env, "shout.py", "--over", ".")
    with started(place, before, text) as url:
        assert get(url + "hello.txt") == (200, "HELLO, WORLD!\n")
        assert [get(url + name)[0] for name in ("error.log", "access.log", "httpd.pid")] == [403, 403, 403]


def test_what_is_to_be_made_is_said(place: Place) -> None:
    place.write("shop.py", "def handler(req): pass\n")
    lines = ["SSLCertificateFile ${CERT}", "PythonOption state ${STATE}", "Listen 127.0.0.1:${PORT}", "ErrorLog logs/a"]
    place.write("site.conf", "\n".join(lines))
    text = place.run("serve", "shop.py", "--print-config", "--tls").stdout
    match = re.search(r'^DocumentRoot "?([^"\n]*)', text, re.MULTILINE)
    assert match
    assert [path.name for path in Path(match[1]).iterdir()] == ["README"]  # an empty folder, as that of serve
    assert re.search(r"\n# It is made by: openssl req .*\nSSLCertificateFile cert\.pem\n", text)
    text = place.run("serve", "site.conf", "--print-config").stdout
    assert re.search(r"\n# It is made by: openssl req .*\nDefine CERT \S+/cert\.pem\n", text)
    assert re.search(r"\n# It must be there, .*\nDefine STATE \S+/state\n", text)
    assert re.findall(r"\nListen .*", text) == []
    assert re.search(r"\n# .* mkdir \S+/logs\nInclude ", text)


def test_what_serve_refuses_is_not_printed(place: Place) -> None:
    place.write("shop.py", "def handler(req): pass\n")
    place.write("site.env", "WORD=good night\n")
    for words, sentence in {
        ("--env-file", "site.env"): "line 1 of site.env is not NAME=value, with quotes where the value has blanks",
        ("--env-file", "none.env"): "none.env cannot be read: No such file or directory",
        ("--port", "65536"): "there is no port 65536: give one between 1 and 65535",
        ("--host", "a:80"): "--host a:80: write an address, or a name that has one, and the port as --port",
    }.items():
        for also in (["--print-config"], ["--check"], []):
            done = place.run("serve", "shop.py", *words, *also)
            assert (done.returncode, done.stdout, done.stderr) == (1, "", f"mod_python: {sentence}\n")
