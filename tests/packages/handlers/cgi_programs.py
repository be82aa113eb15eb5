"""A script for mod_python.cgihandler, which does what its query says. It is run by its path, not imported."""

# ruff: noqa: PTH109, PTH110 - as scripts are

import hashlib
import json
import os
import signal
import subprocess
import sys
import time


def main() -> None:
    what, _, argument = os.environ["QUERY_STRING"].partition("=")
    header = "Content-Type: text/plain\n\n"
    out, read = sys.stdout.buffer, sys.stdin.buffer.read
    if what == "environ":
        told = {name: value for name, value in os.environ.items() if name != "LC_CTYPE"}
        more = {"main": __name__, "folder": os.getcwd(), "argv": sys.argv, "version": sys.version_info[:2]}
        print("Content-Type: application/json\n\n" + json.dumps({**told, **more}))
    elif what == "echo":
        sys.stdout.write(header)
        sys.stdout.flush()
        while data := read(100_000):
            out.write(data)
    elif what == "length":
        length = int(os.environ.get("CONTENT_LENGTH") or 0)
        sys.stdout.write(f"{header}{length} {hashlib.sha256(read(length)).hexdigest()}")
    elif what == "output-first":
        sys.stdout.write(header)
        for _ in range(int(argument)):
            sys.stdout.write("x" * 1_000_000)
        sys.stdout.flush()
        out.write(hashlib.sha256(read()).hexdigest().encode())
    elif what == "unread":
        sys.stdout.write(f"{header}nothing was read")
    elif what == "closed":
        os.close(0)
        sys.stdout.write(header)
        for _ in range(int(argument)):
            sys.stdout.write("x" * 1_000_000)
    elif what == "raw":
        out.write(bytes.fromhex(argument))
    elif what == "errors":
        sys.stderr.write("first\nsecond\r\n" + "x" * 10000 + "\nlast \xe9")
        sys.stdout.write(f"{header}fine")
    elif what == "many-errors":
        for _ in range(2000):
            sys.stderr.write("e" * 99 + "\n")
        sys.stdout.write(f"{header}fine")
    elif what == "exit":
        sys.stdout.write(f"{header}written\n")
        sys.exit(int(argument))
    elif what == "raise":
        raise KeyError("a script that fails")
    elif what == "killed":
        sys.stdout.write(f"{header}a part\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "hang":
        if argument == "later":
            sys.stdout.write(f"{header}a part\n")
            sys.stdout.flush()
        told_pid()
        subprocess.run(["sleep", "3600"], check=False)
    elif what == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        told_pid()
        time.sleep(3600)
    elif what == "endless":
        told_pid()
        sys.stdout.write(header)
        while True:
            sys.stdout.write("x" * 65536)
    elif what == "steps":
        sys.stdout.write(f"{header}one\n")
        sys.stdout.flush()
        while not os.path.exists(argument):
            time.sleep(0.01)
        sys.stdout.write("two\n")
    elif what == "closes-output":
        told_pid()
        os.write(1, f"{header}fine".encode())
        os.close(1)
        os.close(2)
        time.sleep(3600)
    elif what == "imports":
        import cgi_neighbour  # type: ignore[import-not-found]

        sys.stdout.write(f"{header}{cgi_neighbour.answer}")
    elif what == "ours":
        from mod_python import Cookie

        sys.stdout.write(f"{header}{Cookie.Cookie('a', 'b')} ")
        try:
            from mod_python import util

            sys.stdout.write(util.__name__)
        except ImportError as error:
            sys.stdout.write(str(error))
    elif what == "pid":
        sys.stdout.write(f"{header}{os.getpid()} {os.getppid()}")


def told_pid() -> None:
    """Tell the test which process this is."""
    sys.stderr.write(f"pid {os.getpid()}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
