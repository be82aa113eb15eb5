"""server.get_options() can be written while the child starts; afterwards each call gives a copy."""

import json

from httpd import Httpd

CONF = """
PythonOption from_conf yes
PythonImport passed_options main_interpreter
PythonImport passed_options::more main_interpreter
PythonImport passed_options::more other
<Location "/main">
    SetHandler mod_python
    PythonHandler passed_options
</Location>
<Location "/other">
    SetHandler mod_python
    PythonHandler passed_options
    PythonInterpreter other
</Location>
"""


def test_what_the_start_has_written_is_there_in_all_requests(httpd: Httpd) -> None:
    for path in ("/main", "/main", "/other"):
        options = json.loads(httpd.get(path).text)["options"]
        assert options["from_conf"] == "yes"
        assert options["made"] == "at the start"
        assert options["main_interpreter"] == options["other"] == "called"
        assert "late" not in options


def test_the_table_of_the_start_can_be_read_and_not_written_when_the_child_has_started(httpd: Httpd) -> None:
    for path in ("/main", "/other"):
        seen = json.loads(httpd.get(path).text)
        assert seen["first"]["made"] == "at the start"
        assert seen["writes"].pop("copy") == "no error"
        for error in seen["writes"].values():
            assert error.startswith("RuntimeError: this table of server.get_options() has been passed on: ")
