"""Prints, as one script for bash, what README.md and docs/installation.md tell an administrator to do, word for word.

scripts/bare runs it. In the script are: the demonstration, the installation, the examples of README.md in
/etc/apache2 and /srv/python with what their commands must print, and an upgrade to the same version. With the argument
`pip` it is the script of scripts/test-install: pip, and an application that is served, changed and ended.
"""

import re
import sys
from shlex import quote

from pages import PROJECT, attempts, blocks, installation, modules, with_pip

README = PROJECT / "README.md"
COMMAND = PROJECT / "docs/command.md"

# What the generated script has before all commands.
_START = r"""
set -euo pipefail
cd ~/mod_python
fail() { printf 'bare: %s\n' "$*" >&2; exit 1; }

# Runs a command of a page, and compares what it prints.
try() {
    local answer
    printf '$ %s\n' "$1" >&2
    answer=$(eval "$1"; printf .)
    [[ ${answer//$'\r'/} == "$2." ]] || fail "this printed: ${answer%.}"
}

# Starts scripts/demo, waits until it serves, and ends it as Ctrl-C does.
demo() {
    local log
    log=$(mktemp)
    set -m
    scripts/demo "$@" > "$log" &
    set +m
    until grep -q '^Serving ' "$log"; do
        kill -0 $! 2> /dev/null || fail "scripts/demo ended: $(< "$log")"
        sleep 0.5
    done
    [[ $# != 0 ]] || curl -sf http://localhost:8080/hello
    kill -INT -- -$!
    wait $! || fail 'scripts/demo did not end well'
}
"""


def file(path: str, text: str) -> str:
    """The command that writes a file of the system."""
    return f"printf %s {quote(text)} | sudo tee {path} > /dev/null"


def upgrade() -> str:
    """The commands of the installation that an upgrade repeats: from scripts/build to chmod."""
    found = re.search(r"^scripts/build\n.*^sudo chmod [^\n]*\n", installation(), re.MULTILINE | re.DOTALL)
    assert found, "the installation has no scripts/build before a sudo chmod"
    return found[0]


def commands() -> str:
    """The whole script."""
    parts = [_START, "set -x", installation(), "{ set +x; } 2> /dev/null", "sudo mkdir -p /srv/python"]
    parts += [file(f"/srv/python/{name}", text) for name, text in modules(README).items()]
    parts += [file("/etc/apache2/conf-available/readme.conf", "\n".join(blocks(README, "apache")))]
    parts += ["sudo a2enconf -q readme", "sudo service apache2 restart"]
    tries = [
        f"try {quote(command)} {quote(answer)}"
        for console in blocks(README, "console")
        for command, answer in attempts(console)
    ]
    parts += [*tries, "sudo service apache2 stop", "set -x", upgrade(), "{ set +x; } 2> /dev/null"]
    parts += ["sudo service apache2 start", *tries, "sudo service apache2 stop"]
    parts += ["demo", "demo protocol-echo.conf"]
    return "\n".join(parts) + "\n"


# What `scripts/test-install` does with the application, once it is served.
_SERVED = r"""
until grep -q '^Serving ' "$log"; do
    kill -0 $! 2> /dev/null || fail "it ended: $(< "$log")"
    sleep 0.2
done
try 'curl -s http://localhost:8000/' $'Hello, world!\n'
sed -i s/Hello/Goodbye/ app.py
until [[ $(curl -s http://localhost:8000/) == 'Goodbye, world!' ]]; do sleep 0.2; done
kill -INT -- -$!
wait $! || fail 'it did not end well'
cat "$log" >&2
[[ -z $(ls -d /tmp/mod_python* 2> /dev/null) ]] || fail 'a folder is left in /tmp'
[[ -z $(grep -als '[m]od_python-serve' /proc/[0-9]*/cmdline) ]] || fail 'a process is left'
"""


def commands_with_pip() -> str:
    """The script that installs with pip and serves an application of docs/command.md."""
    lines = with_pip().replace("# until Ctrl-C", '> "$log" 2>&1 &')
    install, serving = lines.rstrip("\n").rsplit("\n", 1)
    prepared = ["sudo apt-get -qq update", "sudo apt-get -qq install curl > /dev/null"]
    parts = [
        _START,
        "export DEBIAN_FRONTEND=noninteractive",
        *prepared,
        f"printf %s {quote(modules(COMMAND)['app.py'])} > app.py",
        "log=$(mktemp)",
        "set -x",
        install,
    ]
    return "\n".join([*parts, "set -m", serving, "set +m", "{ set +x; } 2> /dev/null", _SERVED])


if __name__ == "__main__":
    print(commands_with_pip() if sys.argv[1:] == ["pip"] else commands(), end="")
