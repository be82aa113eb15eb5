"""Where tests and the handlers they use stand, so that none is taken for another."""

from collections import Counter

from server import PROJECT

TESTS = PROJECT / "tests"
SHARED = TESTS / "support" / "handlers"


def test_each_test_file_stands_in_a_folder_under_a_name_of_its_own() -> None:
    files = sorted(TESTS.rglob("test_*.py"))
    assert [path.name for path in files if path.parent.parent != TESTS] == []
    # docs/rules.md names a file without its folder.
    assert [name for name, times in Counter(path.name for path in files).items() if times > 1] == []


def test_no_handler_module_hides_a_shared_one() -> None:
    shared = {path.name for path in SHARED.glob("*.py")}
    assert shared
    folders = [folder for folder in TESTS.glob("*/handlers") if folder != SHARED]
    assert [path for folder in folders for path in folder.glob("*.py") if path.name in shared] == []
