"""httpd's configuration as Python objects; usable outside of httpd.

``str()`` of an object is its text, and ``repr()`` the code that makes it::

    from mod_python.httpdconf import *

    print(Container(Listen("8080"), Directory("/srv/my pages", SetHandler("mod_python"))))

A value is the text of all arguments as a configuration has them, or a list of arguments, which are quoted. Where a
directive takes one argument, a text with blanks is quoted, too.
"""

import os as os  # known to the expressions of `only_if`
import sys
from collections.abc import Sequence
from pathlib import Path

import mod_python as mod_python
import mod_python.version
from mod_python import _places
from mod_python._configuration import Comment as Comment
from mod_python._configuration import Container as Container
from mod_python._configuration import ContainerTag as ContainerTag
from mod_python._configuration import Directive as Directive
from mod_python._configuration import directive, section
from mod_python._configuration import quote_if_space as quote_if_space

AddHandler = directive("AddHandler")
AddOutputFilter = directive("AddOutputFilter")
AddType = directive("AddType")
AuthBasicAuthoritative = directive("AuthBasicAuthoritative")
AuthBasicProvider = directive("AuthBasicProvider")
AuthName = directive("AuthName", one=True)
AuthType = directive("AuthType")
CustomLog = directive("CustomLog")
DirectoryIndex = directive("DirectoryIndex")
DocumentRoot = directive("DocumentRoot", one=True)
ErrorLog = directive("ErrorLog", one=True)
KeepAliveTimeout = directive("KeepAliveTimeout")
Listen = directive("Listen")
LoadModule = directive("LoadModule")
LockFile = directive("LockFile" if sys.platform != "win32" else "# LockFile", one=True)
LogFormat = directive("LogFormat", flips=False)
LogLevel = directive("LogLevel")
MaxClients = directive("MaxClients")
MaxConnectionsPerChild = directive("MaxConnectionsPerChild")
MaxRequestsPerChild = directive("MaxRequestsPerChild")
MaxSpareServers = directive("MaxSpareServers")
MaxSpareThreads = directive("MaxSpareThreads")
MaxThreadsPerChild = directive("MaxThreadsPerChild")
MinSpareThreads = directive("MinSpareThreads")
Mutex = directive("Mutex")
NameVirtualHost = directive("NameVirtualHost")
NumServers = directive("NumServers")
Options = directive("Options")
PidFile = directive("PidFile", one=True)
PythonAccessHandler = directive("PythonAccessHandler")
PythonAuthenHandler = directive("PythonAuthenHandler")
PythonAuthzHandler = directive("PythonAuthzHandler")
PythonCleanupHandler = directive("PythonCleanupHandler")
PythonConnectionHandler = directive("PythonConnectionHandler")
PythonDebug = directive("PythonDebug")
PythonFixupHandler = directive("PythonFixupHandler")
PythonHandler = directive("PythonHandler")
PythonImport = directive("PythonImport")
PythonInterpPerDirective = directive("PythonInterpPerDirective", default="Off")
PythonInterpPerDirectory = directive("PythonInterpPerDirectory", default="Off")
PythonOption = directive("PythonOption")
PythonOutputFilter = directive("PythonOutputFilter")
PythonPath = directive("PythonPath", one=True, flips=False)
PythonPostReadRequestHandler = directive("PythonPostReadRequestHandler")
PythonTransHandler = directive("PythonTransHandler")
Require = directive("Require")
ServerAdmin = directive("ServerAdmin", one=True)
ServerName = directive("ServerName", one=True)
ServerPath = directive("ServerPath", one=True)
ServerRoot = directive("ServerRoot", one=True)
SetHandler = directive("SetHandler")
StartServers = directive("StartServers")
StartThreads = directive("StartThreads")
ThreadsPerChild = directive("ThreadsPerChild")
Timeout = directive("Timeout")
TypesConfig = directive("TypesConfig", one=True)

Directory = section("Directory")
Files = section("Files")
IfModule = section("IfModule")
Location = section("Location")
VirtualHost = section("VirtualHost", one=False)

_MODULES = """
    authn_core authn_file authz_core authz_host authz_user access_compat auth_basic reqtimeout include filter mime
    log_config env headers setenvif version unixd status autoindex dir alias
""".split()
_LOG_FORMAT = '"%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined'


def write_basic_config(
    server_root: str | Path,
    listen: str = "0.0.0.0:8888",
    conf: str = "conf",
    logs: str = "logs",
    htdocs: str = "public",
    pythonhandler: str = "mod_python.publisher",
    pythonpath: Sequence[str] = (),
    pythonoptions: Sequence[str] = (),
    mp_comments: Sequence[str] = (),
    conf_name: str = "httpd_conf.py",
    createdirs: bool = True,
    replace_config: bool = False,
) -> str | None:
    """Write a Python script that prints the configuration of a server of its own, with all requests for Python.

    Args:
        server_root: its folder.
        listen: its address and port.
        conf: the folder for the configuration, below `server_root`.
        logs: the folder for logs.
        htdocs: the folder for documents.
        pythonhandler: the argument of PythonHandler.
        pythonpath: folders that are put behind ``sys.path``.
        pythonoptions: arguments of PythonOption, each ``name value``.
        mp_comments: lines of comment beside these.
        conf_name: the name of the script.
        createdirs: whether the folders are made.
        replace_config: whether a script that is there is replaced.

    Returns:
        The path of the script; None, with a line on stderr, if there is one and it is not replaced.

    Raises:
        OSError: a file or folder cannot be written.
        ValueError: a value has a line end.
    """
    root = Path(server_root).absolute()
    script = root / conf / conf_name
    if script.exists() and not replace_config:
        print(f"mod_python: {script} is there already", file=sys.stderr)
        return None
    if createdirs:
        for folder in (root, *(root / each for each in (htdocs, conf, logs))):
            folder.mkdir(parents=True, exist_ok=True)
    types = root / conf / "mime.types"
    for source in (Path(mod_python.version.SYSCONFDIR) / "mime.types", Path("/etc/mime.types")):
        if source.exists() and not types.exists():
            types.write_bytes(source.read_bytes())
    python = Container(
        Comment("\n".join(["mod_python", *mp_comments])),
        LoadModule(["python_module", str(_places.module())]),
        SetHandler("mod_python"),
        PythonHandler(pythonhandler),
        PythonPath(f"sys.path+{list(pythonpath)!r}"),
        *(PythonOption(each) for each in pythonoptions),
    )
    text = f"from mod_python.httpdconf import *\n\nconfig = {_basic(root, listen, logs, htdocs, types)!r}\n"
    script.write_text(f"{text}config.append({python!r})\n\nif __name__ == '__main__':\n    print(config, end='')\n")
    return str(script)


def _basic(root: Path, listen: str, logs: str, htdocs: str, types: Path) -> Container:
    """Return the part of the configuration that has nothing of Python's."""
    folder = Path(mod_python.version.LIBEXECDIR)
    names = ["mpm_event", *_MODULES]
    modules = [
        Container(LoadModule([f"{name}_module", str(file)]), only_if=f"os.path.exists({str(file)!r})")
        for name, file in ((name, folder / f"mod_{name}.so") for name in names)
    ]
    return Container(
        Comment("Modules of httpd"),
        *modules,
        Comment("The server"),
        ServerRoot(str(root)),
        ServerName("127.0.0.1"),
        Listen(listen),
        PidFile(f"{logs}/httpd.pid"),
        TypesConfig(str(types)),
        MaxConnectionsPerChild("65536"),
        LogLevel("warn"),
        ErrorLog(f"{logs}/error_log"),
        LogFormat(_LOG_FORMAT),
        CustomLog([f"{logs}/access_log", "combined"]),
        DocumentRoot(str(root / htdocs)),
        Directory(str(root / htdocs), Require("all granted")),
    )
