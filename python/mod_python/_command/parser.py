"""The subcommands of `mod_python` with their options, and the entry that runs one."""

import argparse
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from mod_python import _places
from mod_python._command.options import LEVELS, Options
from mod_python._command.problem import Problem
from mod_python.version import version

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Command = Callable[[argparse.Namespace], None]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command. Each subcommand has a function, `run`."""
    whole = argparse.ArgumentParser(prog="mod_python", description="Python inside Apache httpd.")
    whole.add_argument("--version", action="version", version=f"mod_python {version}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands)
    _add_root(commands)
    _add_module(commands)
    return whole


def _add_serve(commands: Commands) -> None:
    default = Options("")
    one = commands.add_parser(
        "serve",
        help="serve a file with a private httpd until Ctrl-C",
        description="Serve a file with a private httpd until Ctrl-C. It writes only in a temporary folder.",
    )
    one.add_argument(
        "target",
        metavar="TARGET",
        help="a Python file with handler(req), a filter or connectionhandler(conn), an application of WSGI or ASGI "
        "as module:callable or module:factory(), or a fragment of configuration",
    )
    one.add_argument("--over", metavar="PLACE", help="what a filter filters: a folder, or the URL of a site")
    one.add_argument("--tcp", type=int, metavar="PORT", help="the port for a connection handler; 0 for a free one")
    one.add_argument(
        "--interface", choices=("wsgi", "asgi"), help="that of an application (as its code tells, else wsgi)"
    )
    one.add_argument("--host", default=default.host, help=f"the address to listen on ({default.host})")
    one.add_argument("--port", type=int, default=default.port, help=f"the port; 0 for a free one ({default.port})")
    one.add_argument(
        "--processes", type=_count, default=default.processes, metavar="N", help="processes that serve (1)"
    )
    one.add_argument(
        "--threads", type=_count, default=default.threads, metavar="N", help="threads in each of them (16)"
    )
    one.add_argument(
        "--reload",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="restart gracefully when a file has changed that is not reloaded by itself (as default with a terminal)",
    )
    one.add_argument("--tls", action="store_true", help="speak TLS, with a certificate that openssl makes")
    one.add_argument("--http2", action="store_true", help="offer HTTP/2")
    one.add_argument("--env-file", type=Path, metavar="FILE", help="lines NAME=value for the environment")
    one.add_argument(
        "--log-level", choices=LEVELS, default=default.log_level, metavar="LEVEL", help="as LogLevel (warn)"
    )
    instead = one.add_mutually_exclusive_group()
    instead.add_argument("--print-config", action="store_true", help="print an httpd.conf for the same, and end")
    instead.add_argument("--check", action="store_true", help="have httpd check the configuration, and end")
    one.set_defaults(run=_serve)


def _add_root(commands: Commands) -> None:
    create = commands.add_parser("create", help="make the folder of a server of one's own")
    create.add_argument("folder", type=Path, metavar="DIR", help="the folder")
    create.add_argument("--pythonhandler", required=True, metavar="HANDLER", help="the handler of all requests")
    create.add_argument("--listen", default="8888", help="a port, or an address and a port (8888)")
    create.add_argument("--pythonpath", action="append", default=[], metavar="DIR:DIR", help="folders for PythonPath")
    create.add_argument("--pythonoption", action="append", default=[], metavar="'KEY VALUE'", help="a PythonOption")
    create.set_defaults(run=_create)
    for name, does in {
        "start": "start httpd in the background",
        "stop": "let requests end, and stop httpd",
        "restart": "restart httpd gracefully",
        "status": "say whether httpd runs; the exit status is 0 or 3",
    }.items():
        one = commands.add_parser(name, help=does)
        one.add_argument("root", type=Path, metavar="DIR", help="the folder of `create`, or an httpd.conf")
        one.set_defaults(run=_control, word=name)
    program = commands.add_parser("genconfig", help="print the configuration of a program with mod_python.httpdconf")
    program.add_argument("program", type=Path, metavar="CONFIG.py", help="the program")
    program.set_defaults(run=_genconfig)
    versions = commands.add_parser("version", help="print the versions and places of what works together")
    versions.set_defaults(run=_versions)


def _add_module(commands: Commands) -> None:
    install = commands.add_parser("install-module", help="copy the module to those of httpd, and print what loads it")
    install.add_argument("--modules-directory", type=Path, metavar="DIR", help="another folder than that of httpd")
    install.set_defaults(run=_install_module)
    location = commands.add_parser("module-location", help="print the path of the module")
    location.set_defaults(run=lambda _: print(_places.module()))
    config = commands.add_parser("module-config", help="print the lines of httpd.conf that load the module")
    config.set_defaults(run=_module_config)


def _create(arguments: argparse.Namespace) -> None:
    from mod_python._command import root

    folders = root.folders(arguments.pythonpath)
    handler = root.handler(arguments.pythonhandler)
    conf = root.create(arguments.folder, arguments.listen, handler, folders, arguments.pythonoption)
    folder = shlex.quote(str(arguments.folder))
    print(f"{conf} is written; `mod_python start {folder}` starts httpd with it.")
    if missing := root.missing_module(handler, folders):
        print(missing)


def _control(arguments: argparse.Namespace) -> None:
    from mod_python._command.root import Root

    server, word = Root(arguments.root), arguments.word
    if word != "status":
        getattr(server, word)()
    if word in ("stop", "restart"):
        return
    if pid := server.pid():
        print(f"httpd runs as process {pid}.")
    else:
        print("httpd does not run.")
        raise SystemExit(3)


def _genconfig(arguments: argparse.Namespace) -> None:
    from mod_python._command.root import generated

    print(generated(arguments.program), end="")


def _versions(_: argparse.Namespace) -> None:
    from mod_python._command.root import versions

    print("\n".join(versions()))


def _install_module(arguments: argparse.Namespace) -> None:
    from mod_python._command import module

    print("\n".join(module.config(module.install(arguments.modules_directory))))


def _module_config(_: argparse.Namespace) -> None:
    from mod_python._command import module

    print("\n".join(module.config(_places.module())))


def _count(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= 20000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is no number from 1 to 20000")


def _serve(arguments: argparse.Namespace) -> None:
    from dataclasses import replace

    from mod_python._command.printed import printed
    from mod_python._command.serve import check_port, serve
    from mod_python._command.site import Site

    names = Options.__dataclass_fields__
    options = Options(**{name: value for name, value in vars(arguments).items() if name in names})
    options = replace(options, host=options.host.removeprefix("[").removesuffix("]"))  # as URLs have addresses of IPv6
    if options.tcp == 0:
        from mod_python._machine import free_ports

        options = replace(options, tcp=free_ports(1)[0][0])
    check_port(options.tcp if options.tcp is not None else options.port)
    if any(one.isspace() for one in options.host) or re.search(r"^[^:]*:\d*$", options.host):
        raise Problem(f"--host {options.host}: write an address, or a name that has one, and the port as --port")
    if arguments.print_config:
        text = printed(options)
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(text))  # names of files in it may be of no encoding
        sys.stdout.buffer.flush()
    elif arguments.check:
        with Site(options) as site:
            site.check()
            print(f"{options.target}: the configuration is right")
    else:
        serve(options)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        words: what was typed behind its name; None for that of this process.

    Returns:
        the exit status: 0, or 1 after a sentence about what is wrong; argparse ends the process with 2 itself.
    """
    if words is None:
        _open_streams()
    arguments = parser().parse_args(words)
    command: Command = arguments.run
    try:
        if words is None and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # whoever read it has gone
        _drop_output()
        return 0
    except (Problem, _places.NotFoundError) as error:
        return _say(str(error))
    except OSError as error:  # such as a full disk, or a folder that is gone
        _drop_output()
        what = f"{error.filename}: " if error.filename else ""
        return _say(f"{what}{error.strerror or error}")
    return 0


def _drop_output() -> None:
    """Have nobody get what was printed and is not written yet: nothing shall tell of the fault again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _say(sentence: str) -> int:
    print(f"mod_python: {sentence}", file=sys.stderr)
    return 1


def _open_streams() -> None:
    """Open standard streams that are closed: else files that are opened later would take their places."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
