"""Which of several directives holds: httpd's own rules, inner sections win."""

import json
from typing import Any

import pytest

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler settings
PythonOption where server
PythonOption Outer server
PythonOption gone server

Listen 127.0.0.1:${HOST_PORT}
<VirtualHost *:${HOST_PORT}>
    DocumentRoot ${HTDOCS}
    PythonOption where host
    PythonInterpreter host
    PythonDebug On

    <Directory ${HTDOCS}/dir>
        AllowOverride All
        PythonOption where directory
        PythonOption directory yes
        PythonOption gone
        PythonInterpreter directory
        PythonHandler settings::note_a settings
    </Directory>
    <Files "*.files">
        PythonOption where files
    </Files>
    <Location /dir/location>
        PythonOption where location
        PythonInterpreter location
        PythonDebug Off
    </Location>
    <Location /dir/if>
        PythonOption where location
    </Location>
    <If "%{QUERY_STRING} == 'if'">
        PythonOption where if
        PythonDebug Off
    </If>

    <Location /append>
        PythonHandler settings::note_a
        PythonHandler settings::note_b settings::note_a
        PythonHandler settings
    </Location>
    <Location /append/replace>
        PythonHandler settings::note_b settings
    </Location>

    <Directory ${HTDOCS}/ext>
        PythonHandler settings
        PythonHandler settings::note_a settings | .a .both
        PythonHandler settings::note_b settings | .b
    </Directory>
    <Location /ext/inner>
        PythonHandler settings::note_b settings::note_b settings
        PythonHandler settings::note_b settings | .both
    </Location>

    <Location /copies>
        PythonHandler settings::is_set settings
    </Location>
    <Location /fails>
        PythonHandler settings::fail
    </Location>
    <Location /fails/quietly>
        PythonDebug Off
    </Location>
</VirtualHost>

<Location /case>
    PythonOption WHERE location
</Location>
"""


@pytest.fixture
def seen(httpd: Httpd) -> Any:
    """What a handler at a path sees."""

    def ask(path: str, port: str = "HOST_PORT") -> dict[str, Any]:
        answer = httpd.request("GET", path, port=httpd.port_of(port))
        assert answer.status == 200, answer.text
        found: dict[str, Any] = json.loads(answer.text)
        return found

    return ask


def test_main_server(seen: Any) -> None:
    found = seen("/x", "PORT")
    assert found["options"] == {"where": "server", "Outer": "server", "gone": "server"}
    assert found["interpreter"] == "main_interpreter"
    assert "PythonDebug" not in found["config"]
    assert found["server"] == found["options"]


def test_virtual_host_over_main_server(seen: Any) -> None:
    found = seen("/x")
    assert found["options"] == {"where": "host", "Outer": "server", "gone": "server"}
    assert found["interpreter"] == "host"
    assert found["config"]["PythonDebug"] == "1"
    assert found["config"]["PythonPath"].endswith("/handlers']")
    assert found["server"]["where"] == "host"


def test_directory_over_virtual_host(httpd: Httpd, seen: Any) -> None:
    httpd.write("dir/x", "")
    found = seen("/dir/x")
    assert found["options"] == {"where": "directory", "Outer": "server", "directory": "yes"}
    assert found["interpreter"] == "directory"
    assert found["chain"] == ["a", "handler"]
    # The server's own options are those outside of all sections.
    assert found["server"] == {"where": "host", "Outer": "server", "gone": "server"}


def test_htaccess_over_directory(httpd: Httpd, seen: Any) -> None:
    httpd.write("dir/ht/x", "")
    httpd.write(
        "dir/ht/.htaccess",
        "PythonOption where htaccess\nPythonOption gone back\nPythonInterpreter htaccess\nPythonDebug Off\n"
        f"PythonHandler settings::note_b settings\nPythonPath \"sys.path + ['{httpd.handlers}']\"\n",
    )
    found = seen("/dir/ht/x")
    assert found["options"] == {"where": "htaccess", "Outer": "server", "directory": "yes", "gone": "back"}
    assert found["interpreter"] == "htaccess"
    assert found["config"]["PythonDebug"] == "0"
    assert found["config"]["PythonPath"] == f"sys.path + ['{httpd.handlers}']"
    assert found["chain"] == ["b", "handler"]


def test_files_over_directory_and_htaccess(httpd: Httpd, seen: Any) -> None:
    httpd.write("dir/files/x.files", "")
    httpd.write("dir/files/.htaccess", "PythonOption where htaccess\n")
    assert seen("/dir/files/x.files")["options"]["where"] == "files"


def test_location_over_files(httpd: Httpd, seen: Any) -> None:
    httpd.write("dir/location/x.files", "")
    found = seen("/dir/location/x.files")
    assert found["options"]["where"] == "location"
    assert found["options"]["directory"] == "yes"
    assert found["interpreter"] == "location"
    assert found["config"]["PythonDebug"] == "0"


def test_if_over_location(httpd: Httpd, seen: Any) -> None:
    httpd.write("dir/if/x.files", "")
    assert seen("/dir/if/x.files")["options"]["where"] == "location"
    found = seen("/dir/if/x.files?if")
    assert found["options"]["where"] == "if"
    assert found["config"]["PythonDebug"] == "0"


def test_option_keys_ignore_case(seen: Any) -> None:
    assert seen("/case", "PORT")["options"] == {"WHERE": "location", "Outer": "server", "gone": "server"}


def test_lists_of_one_section_are_appended(seen: Any) -> None:
    assert seen("/append")["chain"] == ["a", "b", "a", "handler"]


def test_lists_of_an_inner_section_replace(seen: Any) -> None:
    assert seen("/append/replace")["chain"] == ["b", "handler"]


def test_an_extension_chooses_its_list(httpd: Httpd, seen: Any) -> None:
    for name in ("x", "x.a", "x.b", "x.both", "x.y.a", "x.c", "inner/x", "inner/x.a", "inner/x.both"):
        httpd.write(f"ext/{name}", "")
    assert seen("/ext/x")["chain"] == ["handler"]
    assert seen("/ext/x.a")["chain"] == ["a", "handler"]
    assert seen("/ext/x.b")["chain"] == ["b", "handler"]
    assert seen("/ext/x.both")["chain"] == ["a", "handler"]
    assert seen("/ext/x.c")["chain"] == ["handler"]
    # All after the first dot of the name is the extension, as in mod_python.
    assert seen("/ext/x.y.a")["chain"] == ["handler"]
    # Lists are replaced per extension.
    assert seen("/ext/inner/x")["chain"] == ["b", "b", "handler"]
    assert seen("/ext/inner/x.a")["chain"] == ["a", "handler"]
    assert seen("/ext/inner/x.both")["chain"] == ["b", "handler"]


def test_w102_options_and_config_are_copies(seen: Any) -> None:
    for _ in range(2):
        found = seen("/copies")
        assert "planted" not in {*found["options"], *found["config"], *found["server"]}


def test_debug_holds_where_it_is_on(httpd: Httpd) -> None:
    httpd.expect("ValueError: shown when PythonDebug is On")
    port = httpd.port_of("HOST_PORT")
    assert "ValueError" in httpd.request("GET", "/fails", port=port).text
    assert "ValueError" not in httpd.request("GET", "/fails/quietly", port=port).text
    httpd.allow("settings")


def test_filters_are_not_declared_in_htaccess(httpd: Httpd) -> None:
    httpd.write("dir/bad/x", "")
    httpd.write("dir/bad/.htaccess", "PythonOutputFilter m NAME\n")
    httpd.expect(r"dir/bad/.htaccess: PythonOutputFilter not allowed here")
    assert httpd.request("GET", "/dir/bad/x", port=httpd.port_of("HOST_PORT")).status == 500


def test_wrong_use_in_htaccess_is_told(httpd: Httpd) -> None:
    httpd.write("dir/wrong/x", "")
    httpd.write("dir/wrong/.htaccess", "\nPythonDebug maybe\n")
    httpd.expect(r"dir/wrong/.htaccess: PythonDebug: is On or Off, not 'maybe'")
    assert httpd.request("GET", "/dir/wrong/x", port=httpd.port_of("HOST_PORT")).status == 500
