"""Wrong use of a directive fails configtest with file and line, and the sentence says what to write."""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from httpd import Httpd
from mod_python import _places
from server import APACHE, MODULE

ENTRY_POINTS = 256

HANDLER = "write module or module::function"
FUNCTION = "write m::function, or only m for the default one"
FILTER_NAME = "write module::function NAME"
EXTENSION = "write it with its dot, as in .py"
ON_OFF = "On or Off"
CONTEXT = "not allowed"

WRONG = {
    "PythonHandler": HANDLER,
    "PythonHandler m::": FUNCTION,
    "PythonHandler ::handler": HANDLER,
    "PythonHandler m..n": HANDLER,
    "PythonHandler /srv/": "write its name, too, as in /srv/pages.py",
    "PythonHandler ~/m": "write an absolute path, as in /srv/python/pages.py",
    "PythonHandler 1m": HANDLER,
    'PythonHandler "m n"': HANDLER,
    "PythonHandler m::a-b": FUNCTION,
    "PythonHandler m m::": FUNCTION,
    "PythonHandler | .py": HANDLER,
    "PythonHandler m |": "write extensions, as in | .py .html",
    "PythonHandler m | py": EXTENSION,
    "PythonHandler m | .py .": EXTENSION,
    "PythonPostReadRequestHandler m | .py": "takes no extensions",
    "PythonTransHandler m | .py": "takes no extensions",
    "<Location /x>\nPythonTransHandler m\n</Location>": CONTEXT,
    "<Directory /srv>\nPythonPostReadRequestHandler m\n</Directory>": CONTEXT,
    "<Location /x>\nPythonOptimize On\n</Location>": CONTEXT,
    "PythonDumpSignal HUP": "takes USR2 or Off, not 'hup': httpd uses the other signals",
    "PythonSwitchInterval 0": "takes seconds from 0.0001 to 1, as in 0.001, not '0'",
    "PythonSwitchInterval 1ms": "takes seconds from 0.0001 to 1, as in 0.001, not '1ms'",
    "<Location /x>\nPythonSwitchInterval 1\n</Location>": CONTEXT,
    "PythonShutdownTimeout -1": "takes seconds up to 3600, as in 2, not '-1'",
    "PythonShutdownTimeout 2s": "takes seconds up to 3600, as in 2, not '2s'",
    "PythonShutdownTimeout 3601": "takes seconds up to 3600, as in 2, not '3601'",
    "<Location /x>\nPythonShutdownTimeout 1\n</Location>": CONTEXT,
    "PythonMaxWaitingRequests many": "takes a number of requests, as in 1000, not 'many'",
    "<Location /x>\nPythonMaxWaitingRequests 9\n</Location>": CONTEXT,
    "PythonMaxInterpreters many": "takes a number of interpreters, as in 100, not 'many'",
    "<Location /x>\nPythonMaxInterpreters 9\n</Location>": CONTEXT,
    "PythonRequestID": "takes the names of headers whose ids are believed, as in X-Request-ID, or On, or Off",
    "PythonRequestID X:Y": "as in X-Request-ID, or On, or Off, not 'X:Y'",
    "PythonRequestID On X-Request-ID": "or On, or Off, not 'On'",
    "PythonInputSpool much": "takes a number of bytes, as in 64M, or Off, not 'much'",
    "PythonInputSpool 0": "takes a number of bytes, as in 64M, or Off, not '0'",
    "PythonInputSpool": "takes one argument: write a number of bytes, as in 64M, or Off",
    "PythonHandlerModule": HANDLER,
    "PythonHandlerModule m::f": "write m without ::f",
    "PythonAutoReload maybe": "is On or Off, not 'maybe'",
    "PythonOption mod_python.location_shortcut maybe": "mod_python.location_shortcut is On or Off, not 'maybe'",
    "PythonOption mod_python.event_loop fast": "mod_python.event_loop is asyncio or uvloop, not 'fast'",
    "PythonOption mod_python.mutex_locks 0": "mod_python.mutex_locks is a number of locks from 1 to 1000, not '0'",
    "PythonOption mod_python.mutex_locks few": "mod_python.mutex_locks is a number of locks from 1 to 1000, not 'few'",
    "PythonTypeHandler": HANDLER,
    "PythonTypeHandler m::": FUNCTION,
    "PythonConnectionHandler": HANDLER,
    "PythonConnectionHandler m::": FUNCTION,
    "PythonConnectionHandler m n": "takes one handler",
    "PythonConnectionHandler m | .py": "takes one handler",
    "<Location /x>\nPythonConnectionHandler m\n</Location>": CONTEXT,
    "PythonProtocol": "write PythonProtocol chat module::function",
    "PythonProtocol chat": "write PythonProtocol chat module::function",
    "PythonProtocol chat m n": "write PythonProtocol chat module::function",
    "PythonProtocol chat m::": FUNCTION,
    "PythonProtocol a,b m": "'a,b' is no name of a protocol: write letters, digits",
    "PythonProtocol chat/ m": "'chat/' is no name of a protocol",
    "PythonProtocol HTTP/1.1 m": "httpd itself serves it: write a PythonHandler",
    "PythonProtocol h2 m": "mod_http2 serves it",
    "PythonProtocol h2c m": "mod_http2 serves it",
    "PythonProtocol h3 m": "write another name",
    "PythonProtocol websocket m": "write a PythonHandler",
    "PythonProtocol acme-tls/1 m": "mod_md serves it: write MDomain",
    "PythonProtocol mod_python m": "write another name",
    "<Location /x>\nPythonProtocol chat m\n</Location>": CONTEXT,
    "<Directory /srv>\nPythonConnectionHandler m\n</Directory>": CONTEXT,
    "PythonOutputFilter": FILTER_NAME,
    "PythonOutputFilter m NAME more": FILTER_NAME,
    "PythonOutputFilter encoding=any": FILTER_NAME,
    "PythonOutputFilter m:: NAME": FUNCTION,
    "PythonOutputFilter m NAME encoding=gzip": "write encoding=identity, encoding=decode or encoding=any",
    "PythonOutputFilter m NAME encoding=decode kind=protocol": "write kind=resource or kind=content_set",
    "PythonInputFilter m NAME decoded=0": "write a number of bytes above 0, as in decoded=64K",
    "PythonOutputFilter m NAME encoding=": "write encoding=identity, encoding=decode or encoding=any",
    "PythonOutputFilter m NAME colour=red": "knows no key 'colour'",
    "PythonOutputFilter m A;B": "'A;B' cannot be used as a name",
    'PythonOutputFilter m ""': "'' cannot be used as a name",
    'PythonInputFilter m "a b"': "'a b' cannot be used as a name",
    "PythonOutputFilter m DEFLATE": "another module has a filter 'DEFLATE': write another name",
    "PythonOutputFilter m includes": "another module has a filter 'includes': write another name",
    "PythonOutputFilter m N kind=body": "write kind=resource, content_set, protocol, transcode, connection or",
    "PythonOutputFilter m N change=maybe": "write change=yes, change=1:1 or change=no",
    "PythonOutputFilter m N time=0": "write a number of seconds, as in time=2",
    "PythonOutputFilter m N held=much": "write a number of bytes, as in held=64K",
    "PythonOutputFilter m N joined=1K joined=2K": "has the key joined more than once: write joined= once",
    "PythonInputFilter m N held=1K types=text/html held=1K": "has the key held more than once",
    "PythonOutputFilter m N on_error=retry": "write on_error=fail or on_error=pass",
    "PythonOutputFilter m N types=html": "write media types, as in types=text/html",
    "PythonOutputFilter m N kind=connection types=text/html": "'types=text/html' is about bodies",
    "PythonInputFilter m N kind=protocol": "below httpd's parser of bodies",
    "PythonInputFilter m N kind=transcode": "below httpd's parser of bodies",
    "PythonInputFilter m N kind=network change=no": "'change=no' is about bodies",
    "PythonInputFilter": FILTER_NAME,
    "PythonInputFilter m NAME more": FILTER_NAME,
    "PythonInputFilter m:: NAME": FUNCTION,
    "PythonInputFilter m NAME colour=red": "knows no key 'colour'",
    "PythonInputFilter m DEFLATE": "another module has a filter 'DEFLATE': write another name",
    "PythonPath": "write a Python list",
    "PythonPath sys.path + []": "write a Python list",
    'PythonPath ""': "write a Python list",
    "PythonPath /srv/python": "for this folder write \"sys.path + ['/srv/python']\"",
    "PythonPath \"'/srv/python'\"": "for this folder write \"sys.path + ['/srv/python']\"",
    "PythonPath \"('/srv/python',)\"": "is a tuple",
    "PythonPath \"sys.path += ['/srv/python']\"": "is an assignment",
    "PythonPath \"sys.path.append('/srv/python')\"": "is a call that returns None",
    "PythonPath lib/python": "takes a Python list, as in \"sys.path + ['/srv/python']\", not 'lib/python'",
    "PythonPath \"sys.path + ['/srv/python'\"": "there is no other half to [ in",
    "PythonInterpreter": "write the name of an interpreter",
    "PythonInterpreter a b": "write the name of an interpreter",
    'PythonInterpreter ""': "write the name of an interpreter",
    "PythonInterpreter %{HOST}": "knows no %{HOST}: write %{SERVER} for the name of the virtual server",
    "PythonInterpreter a-%{server}": "knows no %{server}: write %{SERVER}",
    "PythonInterpreter %{GLOBAL}": "write main_interpreter",
    'PythonInterpreter "%{SERVER"': "has a %{ without its } in '%{SERVER': write %{SERVER}",
    "PythonImport m %{SERVER}": "not a rule with %{...}: leave it out for that of the server in which the line stands",
    "PythonDebug": ON_OFF,
    "PythonDebug maybe": "is On or Off, not 'maybe'",
    "PythonDebug On Off": ON_OFF,
    "PythonOption": "write PythonOption key value",
    "PythonOption key value more": "write PythonOption key value",
    'PythonOption ""': "write PythonOption key value",
}

RIGHT = """
PythonHandler m
PythonHandler m::f n.o::C.method
PythonHandler m | .py .html
PythonHandler "quoted"
PythonTypeHandler m::f
PythonConnectionHandler m::f
Protocols http/1.1 chat chat/2
PythonProtocol chat m
PythonProtocol chat/2 m::f
PythonOutputFilter m OUT
PythonOutputFilter m::f encoding=any OUT2
PythonOutputFilter m out encoding=identity
PythonOutputFilter m DECODED encoding=decode decoded=64M kind=content_set
PythonInputFilter m DECODED encoding=decode
PythonOutputFilter m::nameless
PythonInputFilter m IN
PythonInputFilter m OUT
PythonPath "['/srv/python'] + sys.path"
PythonInterpreter "a name"
PythonInterpreter 100%
PythonInterpreter %{SERVER}
PythonInterpreter "%{SERVER} %{DIRECTORY}"
PythonDebug on
PythonDebug Off
PythonOption key "a value"
PythonOption key
PythonOption key ""
<VirtualHost *:${PORT2}>
    PythonConnectionHandler m
    PythonInterpreter other
</VirtualHost>
<Location /x>
    PythonOutputFilter n OUT
    SetOutputFilter OUT;out2;m::nameless
    SetInputFilter IN
    AddOutputFilterByType OUT text/html
    <If "true">
        PythonHandler n
        PythonTypeHandler n
        PythonOption key other
        PythonDebug Off
    </If>
</Location>
<Directory /srv>
    <Files "*.x">
        PythonHandler n
        PythonInterpreter n
        PythonPath []
    </Files>
</Directory>
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Httpd]:
    """A server that never runs: only its configuration is read."""
    server = Httpd("# ${PORT2} is a variable here", beside=__file__)
    yield server
    server.stop()


def complaint(server: Httpd, fragment: str) -> str:
    """What configtest says of a fragment; "" if it has nothing against it."""
    (server.folder / "fragment.conf").write_text(fragment)
    result = server.configtest()
    assert (result.returncode == 0) == ("Syntax OK" in result.stderr), result.stderr
    return "" if result.returncode == 0 else result.stderr


@pytest.mark.parametrize("line", WRONG)
def test_wrong_use_says_where_and_what_to_write(server: Httpd, line: str) -> None:
    said = complaint(server, f"\n\n{line}\n")
    at = 4 if "\n" in line else 3  # a directive in a section stands a line below it
    assert f"line {at} of {server.folder}/fragment.conf:\n" in said
    directive = next(word for word in line.split() if word.startswith("Python"))
    assert f"\n{directive}" in said
    assert WRONG[line] in said


def test_right_use_passes(server: Httpd) -> None:
    assert complaint(server, RIGHT) == ""


@pytest.mark.parametrize("directive", ["PythonOutputFilter", "PythonInputFilter"])
def test_room_for_filters_is_fixed_and_generous(server: Httpd, directive: str) -> None:
    lines = [f"{directive} m F{number}" for number in range(ENTRY_POINTS)]
    # The same name again, whatever its case, needs no further room.
    assert complaint(server, "\n".join([*lines, f"{directive} n f0"])) == ""
    said = complaint(server, "\n".join([*lines, f"{directive} m ONE_MORE"]))
    assert f"line {ENTRY_POINTS + 1} of {server.folder}/fragment.conf:\n" in said
    assert f"there is room for {ENTRY_POINTS} filters in each direction" in said


@pytest.mark.parametrize("directive", ["PythonOutputFilter", "PythonInputFilter"])
def test_one_name_has_one_kind(server: Httpd, directive: str) -> None:
    assert complaint(server, f"{directive} m A kind=content_set\n{directive} n a kind=content_set") == ""
    said = complaint(server, f"{directive} m A kind=content_set\n<Location />\n{directive} n a\n</Location>")
    assert f"a filter 'a' of kind=content_set was declared at {server.folder}/fragment.conf:1: write another" in said


def test_a_name_that_a_later_module_registers(server: Httpd) -> None:
    ours, theirs = "PythonOutputFilter m CAT", 'ExtFilterDefine CAT cmd="/bin/cat"'
    said = complaint(server, f"{ours}\n{theirs}")
    assert f"PythonOutputFilter at {server.folder}/fragment.conf:1: another module has a filter 'CAT'" in said
    assert "another module has a filter 'CAT'" in complaint(server, f"{theirs}\n{ours}")


@pytest.mark.parametrize("directive", ["PythonOutputFilter", "PythonInputFilter"])
def test_nothing_is_decoded_without_mod_deflate(server: Httpd, directive: str) -> None:
    configuration = server.folder / "httpd.conf"
    written = configuration.read_text()
    without = "\n".join(line for line in written.splitlines() if "deflate_module" not in line)
    assert without != written.rstrip("\n")
    configuration.write_text(without)
    try:
        assert complaint(server, f"{directive} m A encoding=any") == ""
        said = complaint(server, f"{directive} m A encoding=decode")
    finally:
        configuration.write_text(written)
    assert f"line 1 of {server.folder}/fragment.conf:\n" in said
    assert "encoding=decode needs mod_deflate, which is not loaded: write 'LoadModule deflate_module" in said


def test_a_filter_of_connections_that_is_on_none_is_warned_of(server: Httpd) -> None:
    complaint(server, "<Location /x>\nPythonOutputFilter m A kind=connection\n</Location>")
    said = server.configtest().stderr
    assert "filter A of kind=connection stands in a section, so it is on no connection: write it outside" in said
    assert f"({server.folder}/fragment.conf:2)" in said


def cost(server: Httpd, hosts: int, line: str) -> float:
    """The CPU time (s) of configtest with so many virtual hosts, in each of which a line stands with its number."""
    host = "<VirtualHost 127.0.0.1:1>\nServerName h{0}\n" + line + "\n</VirtualHost>\n"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert complaint(server, "".join(host.format(number) for number in range(hosts))) == ""
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("line", ["PythonProtocol p{0} m::f\nProtocols p{0}", "PythonImport m{0} main_interpreter"])
def test_configtest_is_linear_in_the_virtual_hosts(server: Httpd, line: str) -> None:
    assert cost(server, 8000, line) < 8 * cost(server, 2000, line)


def test_the_module_can_be_asked_for(server: Httpd) -> None:
    assert "line 2 of" in complaint(server, "<IfModule mod_python.c>\nPythonDebug x\n</IfModule>")
    assert "line 2 of" in complaint(server, "<IfModule python_module>\nPythonDebug x\n</IfModule>")


def test_add_handler_needs_mod_mime(tmp_path: Path) -> None:
    conf = tmp_path / "httpd.conf"
    conf.write_text(
        f'LoadModule mpm_event_module "{_places.modules()}/mod_mpm_event.so"\n'
        f'LoadModule python_module "{MODULE}"\n'
        "AddHandler mod_python .py\n"
    )
    done = subprocess.run([APACHE, "-t", "-f", conf], capture_output=True, text=True)
    assert done.returncode != 0
    assert "AddHandler: is a directive of mod_mime, which is not loaded" in done.stderr


def test_directives_are_listed_with_help(server: Httpd) -> None:
    (server.folder / "fragment.conf").write_text("")
    command = [APACHE, "-f", str(server.folder / "httpd.conf"), "-L"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "PythonOutputFilter (mod_python.c)\n\tdeclares a filter for responses" in listed


def test_an_option_that_the_module_does_not_know_is_told_of() -> None:
    conf = """
PythonOption mod_python.session.cookie_name shop
<Location /x>
    PythonOption "Mod_python.session.session_typ" FileSession
    PythonOption mod_python.importer.path "['/srv']"
    PythonOption mod_python.colour red
    PythonOption colour red
</Location>
"""
    with Httpd(conf) as server:
        server.expect(
            r"PythonOption Mod_python.session.session_typ at \S+ has no effect: write mod_python.session.session_type",
            r"PythonOption mod_python.importer.path at \S+ has no effect: write its folders into PythonPath",
            r"PythonOption mod_python.colour at \S+ has no effect: mod_python has no such option",
        )
        assert server.log().count("has no effect") == 3
