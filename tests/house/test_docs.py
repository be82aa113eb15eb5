"""README.md and docs/*.md are true: their examples run, their tables are the module's own, their lines are short."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from page_site import REFUSED, Site
from python_homes import make_environment

from httpd import Httpd
from pages import all_blocks, attempts, blocks, modules, server_pages
from server import PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
DIRECTIVES = PROJECT / "docs/directives.md"
LANGUAGES = {"apache", "console", "python", "sh", "text"}
LONGEST_LINE = 120


def name_of(page: Path) -> str:
    """The path of a page in the project."""
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "apache")], ids=name_of)
def test_examples(page: Path) -> None:
    site = Site(page)
    server = Httpd(site.conf, modules=site.modules, allow=REFUSED)
    for folder in re.findall(r"PythonHome (\S+)", site.conf):
        make_environment(Path(server.expand(folder)))
    for name, text in modules(page).items():
        server.handler(name, text)  # before the start, at which PythonImport needs them
    for name, text in server_pages(page).items():
        server.write(name, text)
    with server as httpd:
        for console in blocks(page, "console"):
            for command, answer in attempts(console):
                line = site.command(httpd, command)
                done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=True)
                assert done.stdout.replace("\r", "") == answer, f"$ {command}"
        httpd.check_log()


@pytest.mark.parametrize("page", [page for page in PAGES if "test_" in "".join(modules(page))], ids=name_of)
def test_examples_of_tests(page: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name, text in modules(page).items():
        (tmp_path / name).write_text(text)
    tests = [name for name in modules(page) if name.startswith("test_")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(PROJECT / "python"), "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert f"{len(tests)} passed" in done.stdout, done.stdout


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_example_is_run(page: Path) -> None:
    assert {block.language for block in all_blocks(page)} <= LANGUAGES
    used = "\n".join(block.text for block in all_blocks(page) if block.language in {"apache", "console", "sh"})
    used += "\n".join(text for name, text in modules(page).items() if name.startswith("test_"))
    for name in modules(page):
        module = name.removesuffix(".py")
        is_used = re.search(rf"\b{module}\b", used) is not None
        assert is_used or name.startswith("test_") or name == "conftest.py", f"nothing in this page uses {name}"
    for name in server_pages(page):
        assert name.rpartition("/")[2] in used + "".join(server_pages(page).values()), (
            f"nothing in this page uses {name}"
        )
    unnamed = [text for text in blocks(page, "python") if not text.startswith("# /srv/python/")]
    assert unnamed in ([], ["from mod_python import apache\n"]), "a Python block begins with the path of its file"


def test_a_module_is_the_same_on_all_pages() -> None:
    seen: dict[str, str] = {}
    for page in PAGES:
        for name, text in modules(page).items():
            assert seen.setdefault(name, text) == text, f"{name_of(page)} has another {name}"


def test_the_directives_are_those_of_the_module() -> None:
    rows = []
    with Httpd("") as httpd:
        told = httpd.query("-L").stdout
    listed = r"^(Python\w+) \(mod_python\.c\)\n\t(.*)\n\tAllowed in \*\.conf (.*)"
    for name, help_, where in re.findall(listed, told, re.M):
        place = "server" if "only outside" in where else "server, sections"
        if ".htaccess" in where:
            place += ", .htaccess"
        shown = re.sub(r"[|<]", r"\\\g<0>", help_)  # in a table, and not a tag
        rows.append(f"| `{name}` | {place} | {shown} |")
    assert len(rows) >= 9, told
    table = re.findall(r"^\| `Python\w+` \| .*", DIRECTIVES.read_text(), re.MULTILINE)
    assert table[: len(rows)] == rows, "docs/directives.md should say:\n" + "\n".join(rows)


def test_each_directive_has_a_section() -> None:
    text = DIRECTIVES.read_text()
    names = set(re.findall(r"^\| `(Python\w+)` \| server", text, re.MULTILINE))
    phases = set(re.findall(r"`(Python\w+Handler)`", (PROJECT / "docs/handlers.md").read_text()))
    sections = set(re.findall(r"^### (Python\w+)", text, re.MULTILINE))
    assert names - phases - sections == set()
    assert sections - names == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_line_is_long(page: Path) -> None:
    is_code = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        is_code ^= line.startswith("```")
        is_free = is_code or line.startswith("|")
        assert is_free or len(line) <= LONGEST_LINE, f"{name_of(page)}:{number}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_text_is_taken_for_a_tag(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$|<!--.*?-->|``.*?``|`[^`]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"(?<!\\)<(?!https?:)[a-zA-Z/][^>]*>", prose) == []


def test_scripts_that_pages_name_are_there() -> None:
    for page in PAGES:
        for script in re.findall(r"^(scripts/\w+)", "".join(blocks(page, "sh")), re.MULTILINE):
            assert (PROJECT / script).stat().st_mode & 0o111
