"""docs/command.md and the first lines of README.md are true: what they type prints what they say."""

import re
import subprocess

import pytest

from command_place import Place, get
from mod_python._command.parser import parser
from pages import PROJECT, attempts, blocks, modules, with_pip
from programs import Program

PAGE = PROJECT / "docs/command.md"
README = PROJECT / "README.md"


def write_modules(place: Place, found: dict[str, str]) -> None:
    """Put the Python files of a page into the place."""
    for name, text in found.items():
        place.write(name, text)


@pytest.mark.parametrize("block", blocks(PAGE, "console"))
def test_the_page_types(place: Place, block: str) -> None:
    write_modules(place, modules(PAGE))
    url, program = "", None
    for command, answer in attempts(block):
        if command.startswith("mod_python "):
            program = place.start(*command.split()[1:], "--port", "0", env={"NO_COLOR": "1"})
            url = program.wait_for(r"Serving .* at (http://\S+/);")[1]
            assert program.text.replace(url, "http://localhost:8000/") == answer
            continue
        line = command.replace("http://localhost:8000/", url)
        done = subprocess.run(["bash", "-c", line], cwd=place.folder, capture_output=True, text=True, check=True)
        assert done.stdout == answer
    assert program is not None
    end(program)


def end(program: Program) -> None:
    """Type Ctrl-C."""
    program.type(b"\x03")
    assert program.end() == 0


def test_the_first_lines_of_the_readme(place: Place) -> None:
    write_modules(place, modules(README))
    place.write("htdocs/hello.txt", "Hello, world!\n")
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    assert "pip install ." in [line.partition(" #")[0].rstrip() for line in lines]
    serving = [line.partition(" #")[0].split() for line in lines if line.startswith("mod_python serve ")]
    answers = []
    for words in serving:
        program = place.start(*words[1:], "--port", "0")
        url = program.wait_for(r"Serving .* at (http://\S+/);")[1]
        answers.append(get(url + "hello.txt"))
        end(program)
    assert answers == [(200, "Hello, world!\n"), (200, "HELLO, WORLD!\n")]


def test_the_page_names_each_command_and_option() -> None:
    text = PAGE.read_text()
    whole = parser().format_help()
    commands = re.findall(r"^    ([a-z][\w-]+)(?: |$)", whole, re.MULTILINE)
    assert len(commands) > 9
    assert [name for name in commands if not re.search(rf"`(mod_python )?{name}\b", text)] == []
    serving = subprocess.run(
        ["/usr/bin/python3", "-m", "mod_python", "serve", "--help"],
        env={"PYTHONPATH": str(PROJECT / "python"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    options = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", serving)) - {"--help"}
    assert {option for option in options if not re.search(rf"{option}\b", text)} == set()


def test_the_script_for_a_bare_machine_installs_with_pip() -> None:
    script = subprocess.run(
        ["/usr/bin/python3", "-B", PROJECT / "scripts/bare.py", "pip"], capture_output=True, text=True, check=True
    ).stdout
    assert [line for line in with_pip().splitlines()[:-1] if line not in script] == []
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
