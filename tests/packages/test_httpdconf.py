"""mod_python.httpdconf: configurations as objects; httpd reads what they print."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mod_python.version
from httpd import Httpd
from mod_python import httpdconf, python22
from mod_python.httpdconf import (
    AddHandler,
    AddType,
    AuthName,
    Comment,
    Container,
    ContainerTag,
    Directive,
    Directory,
    DocumentRoot,
    Files,
    IfModule,
    Listen,
    Location,
    LogFormat,
    PythonHandler,
    PythonInterpPerDirectory,
    PythonOption,
    PythonPath,
    SetHandler,
    VirtualHost,
    quote_if_space,
    write_basic_config,
)
from server import APACHE, PROJECT

ONE_VALUE = """
    AddHandler AddOutputFilter AddType AuthBasicAuthoritative AuthBasicProvider AuthType AuthName CustomLog
    DirectoryIndex DocumentRoot ErrorLog KeepAliveTimeout Listen LoadModule LogLevel LogFormat LockFile
    MaxConnectionsPerChild MaxClients MaxRequestsPerChild MaxSpareServers MaxSpareThreads MaxThreadsPerChild
    MinSpareThreads Mutex NameVirtualHost NumServers Options PidFile PythonAuthenHandler PythonAuthzHandler
    PythonCleanupHandler PythonConnectionHandler PythonDebug PythonHandler PythonAccessHandler
    PythonPostReadRequestHandler PythonTransHandler PythonFixupHandler PythonImport PythonPath PythonOutputFilter
    PythonOption Require SetHandler ServerAdmin ServerName ServerPath ServerRoot StartServers StartThreads
    ThreadsPerChild Timeout TypesConfig PythonInterpPerDirectory PythonInterpPerDirective
""".split()


def again(part: Any) -> Any:
    """What the code of an object makes."""
    return eval(repr(part), vars(httpdconf))


@pytest.mark.parametrize("name", ONE_VALUE)
def test_each_directive(name: str) -> None:
    part = getattr(httpdconf, name)("value")
    assert isinstance(part, Directive)
    assert str(part) == f"{name} value\n"
    assert repr(part) == f"{name}('value')"
    assert again(part) == part
    part.indent = 4
    assert str(part) == f"    {name} value\n"


def test_values() -> None:
    assert str(Directive("Foo", "a b")) == "Foo a b\n"
    assert repr(Directive("Foo", "a b")) == "Directive('Foo', 'a b')"
    assert str(PythonInterpPerDirectory()) == "PythonInterpPerDirectory Off\n"
    with pytest.raises(TypeError, match="Listen needs a value"):
        Listen()


def test_backslashes() -> None:
    assert str(DocumentRoot("C:\\docs")) == "DocumentRoot C:/docs\n"
    assert str(DocumentRoot("C:\\docs", flipslash=0)) == "DocumentRoot C:\\docs\n"
    assert str(LogFormat('"%h \\"%r\\"" own')) == 'LogFormat "%h \\"%r\\"" own\n'
    for part in (DocumentRoot("C:\\docs"), DocumentRoot("C:\\docs", flipslash=0), LogFormat('"\\"%r\\"" own')):
        assert again(part) == part
        assert str(again(part)) == str(part)


def test_arguments_are_quoted() -> None:
    assert str(DocumentRoot("/srv/my docs")) == 'DocumentRoot "/srv/my docs"\n'
    assert str(AuthName('the "inner" room')) == 'AuthName "the \\"inner\\" room"\n'
    assert str(AuthName('"quoted already"')) == 'AuthName "quoted already"\n'
    assert str(PythonPath("sys.path + ['/a']")) == "PythonPath \"sys.path + ['/a']\"\n"
    assert str(AddType(["text/x own", ".x", ""])) == 'AddType "text/x own" .x ""\n'
    assert str(AddHandler("mod_python .py .xyz")) == "AddHandler mod_python .py .xyz\n"
    assert str(Directory("/srv/my docs")) == '<Directory "/srv/my docs">\n</Directory>\n'
    assert str(ContainerTag("Files", '~ "\\.py$"', [], 0)) == '<Files ~ "\\.py$">\n</Files>\n'
    assert str(Files('~ "[.]py$"')) == '<Files ~ "[.]py$">\n</Files>\n'
    assert (quote_if_space("a"), quote_if_space("a b")) == ("a", '"a b"')
    for part in (
        DocumentRoot("/my docs"),
        AuthName('the "inner" room'),
        AddType(["a b", 'c"d']),
        Directory("/my docs"),
    ):
        assert again(part) == part
        assert str(again(part)) == str(part)


@pytest.mark.parametrize("value", ["a\nPythonDebug On", "a\r", "a\0", ["a", "b\nc"]])
def test_a_value_stays_in_its_line(value: Any) -> None:
    with pytest.raises(ValueError, match="would not end with its line"):
        PythonOption(value)
    with pytest.raises(ValueError, match="would not end with its line"):
        PythonPath("a\\")
    with pytest.raises(ValueError, match="would not end with its line"):
        Location("/a\n")


def test_containers() -> None:
    config = Container(
        Comment("one\ntwo\\"),
        VirtualHost("*:80", Directory("/srv", SetHandler("mod_python"), IfModule("mod_mime.c", AddHandler("x .y")))),
        ContainerTag("Proxy", "*", [Directive("Require", "local")]),
        Container(Listen("1")),
    )
    config.append(Location("/x"))
    assert str(config) == (
        "# one\n# two\\ \n"
        "<VirtualHost *:80>\n  <Directory /srv>\n    SetHandler mod_python\n"
        "    <IfModule mod_mime.c>\n      AddHandler x .y\n    </IfModule>\n  </Directory>\n</VirtualHost>\n"
        "<Proxy *>\n  Require local\n</Proxy>\nListen 1\n<Location /x>\n</Location>\n"
    )
    assert again(config) == config
    assert config != Container()
    with pytest.raises(TypeError, match="a part of a configuration is"):
        config.append("Listen 1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a part of a configuration is"):
        Location("/x", "SetHandler x")


def test_conditions() -> None:
    assert str(Container(Listen("1"), only_if="mod_python.version.HTTPD_VERSION.startswith('2.4')")) == "Listen 1\n"
    hidden = Container(Listen("1"), only_if="mod_python.version.HTTPD_VERSION < '2'")
    assert str(Container(hidden)) == ""
    assert again(hidden) == hidden
    assert repr(hidden) == "Container(Listen('1'), only_if=\"mod_python.version.HTTPD_VERSION < '2'\")"


def test_names_of_version_and_python22() -> None:
    version = mod_python.version
    assert version.HTTPD == APACHE
    assert version.HTTPD_VERSION.startswith("2.4.")
    assert version.APR_VERSION.startswith("1.")
    assert (Path(version.LIBEXECDIR) / "mod_mime.so").exists()
    assert Path(version.SYSCONFDIR).is_absolute()
    assert Path(version.PYTHON_BIN).exists()
    with pytest.raises(AttributeError, match="has no attribute 'NOTHING'"):
        version.NOTHING  # noqa: B018
    assert [name for name in vars(python22) if not name.startswith("_")] == []


def test_httpd_takes_what_is_printed() -> None:
    config = Container(
        Comment("a comment\nwith a line \\"),
        Location(
            "/hello", SetHandler("mod_python"), PythonHandler("hello"), PythonOption(["greeting", 'good "day" you'])
        ),
    )
    with Httpd(str(config)) as httpd:
        httpd.handler("hello.py", "def handler(req): req.write(req.get_options()['greeting']); return 0\n")
        assert httpd.get("/hello").text == 'good "day" you'


def test_write_basic_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "my server"
    written = write_basic_config(
        root,
        listen="127.0.0.1:8889",
        pythonhandler="mod_python.publisher",
        pythonpath=["/srv/my lib", "/srv/'quoted'"],
        pythonoptions=["a b", 'c "d e"'],
        mp_comments=["a comment"],
    )
    assert written == str(root / "conf/httpd_conf.py")
    assert {path.name for path in root.iterdir()} == {"conf", "logs", "public"}
    assert (root / "conf/mime.types").exists()
    command = [sys.executable, written]
    environ = {"PYTHONPATH": str(PROJECT / "python"), "PATH": "/usr/bin:/bin"}
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout
    for line in (
        f'ServerRoot "{root}"',
        "Listen 127.0.0.1:8889",
        "PythonHandler mod_python.publisher",
        "SetHandler mod_python",
        "PythonOption a b",
        'PythonOption c "d e"',
        "# a comment",
        f'DocumentRoot "{root}/public"',
    ):
        assert line in printed.splitlines(), line
    (root / "conf/httpd.conf").write_text(printed)
    checked = subprocess.run(
        [APACHE, "-t", "-f", root / "conf/httpd.conf"], capture_output=True, text=True, check=False
    )
    assert "Syntax OK" in checked.stderr, checked.stderr
    assert write_basic_config(root) is None
    assert "is there already" in capsys.readouterr().err
    assert write_basic_config(root, replace_config=True, pythonhandler="other") == written
    assert "PythonHandler('other')" in Path(written).read_text()
