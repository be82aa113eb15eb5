"""What `mod_python serve` can serve, told by what a file has, and the directives for it. No code of it is run."""

import ast
import contextlib
import glob
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

from mod_python import _places
from mod_python._command.problem import Problem
from mod_python._httpd_conf import quoted

# The functions that directives call by default, by the kind of a target.
_FUNCTIONS = {
    "handler": "a handler",
    "outputfilter": "a filter",
    "inputfilter": "a filter",
    "connectionhandler": "a connection handler",
}
_APPLICATION = re.compile(r"(?P<module>[^\W\d][\w.]*):(?P<name>[^\W\d][\w.]*(?:\(\))?)")
_APPLICATION_OF_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d][\w.]*(?:\(\))?)", re.DOTALL)
# Packages whose applications are of ASGI, or modules of packages that have both.
_ASGI_PACKAGES = ("fastapi", "starlette", "quart", "litestar", "blacksheep", "sanic", "falcon.asgi", "channels")
_ASGI_FUNCTIONS = ("get_asgi_application", "WsgiToAsgi", "WSGIMiddleware")
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


@dataclass
class Target:
    """What is served.

    Attributes:
        path: the file that was named, or the one of the application, absolute; its folder if no file is known.
        lines: the directives that serve it.
        module: the name for PythonImport, or None.
        documents: the folder of files, or None.
        application: the application as directives name it, or nothing.
        listens: whether `lines` have a Listen of their own, and nothing else shall listen.
        restarts: files whose change needs a restart, since they are not reloaded by themselves.
        scheme: of the URL that is shown: "http" or "tcp".
        modules: names of the modules of httpd that `lines` need.
        is_whole: for what says by itself what is served: the end of a sentence that says so.
        folder: the folder whose code it is.
        name: what it is called in that folder.
    """

    path: Path
    lines: list[str]
    module: str | None = None
    documents: Path | None = None
    application: str = ""
    listens: bool = False
    restarts: list[Path] = field(default_factory=list)
    scheme: str = "http"
    modules: list[str] = field(default_factory=list)
    is_whole: str = ""
    folder: Path = field(default_factory=Path)
    name: str = ""


def current_folder() -> Path:
    """Return the folder where the command runs. Raise Problem if it is no longer there."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise Problem("the current folder is no longer there: go to another one") from error


def target_of(
    name: str, over: str | None, tcp: int | None, host: str, folder: Path, interface: str | None = None
) -> Target:
    """Return what a name on the command line stands for.

    Args:
        name: the path of a file: Python code, or configuration (.conf); or an application, `module:callable`.
        over: a folder or the URL of a site, for filters.
        tcp: the port for a connection handler.
        host: the address for that port.
        folder: where paths and modules are looked for.
        interface: that of an application, "wsgi" or "asgi"; None for what its code tells.

    Raises:
        Problem: it is none of these, or lacks an option.
    """
    path = Path(os.path.normpath(folder / name))  # not resolve(): neighbours of a link are those beside it
    match = _APPLICATION.fullmatch(name)
    of_file = _APPLICATION_OF_FILE.fullmatch(name)
    if of_file and not path.exists() and (file := Path(os.path.normpath(folder / of_file["file"]))).is_file():
        target = _application(_dotted(file), of_file["name"], _package_root(file), interface, file)
        target.folder = _above_packages(file)
        target.name = f"{file.relative_to(target.folder)}:{of_file['name']}"
    elif match and not path.exists():
        target = _application(match["module"], match["name"], folder, interface)
        target.folder, target.name = folder, name
    else:
        target = _file(name, path, over, tcp, host, interface)
        target.folder = _above_packages(path)
        target.name = str(path.relative_to(target.folder))
    if target.is_whole and (over is not None or tcp is not None):
        raise Problem(f"{name} {target.is_whole}: leave --over and --tcp out")
    return target


def _file(name: str, path: Path, over: str | None, tcp: int | None, host: str, interface: str | None = None) -> Target:
    """Return the target for a file."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not there"
        wanted = "name a file with Python code, one of configuration (.conf), or module:callable"
        if name and path.with_name(f"{path.name}.py").is_file():
            wanted = f"{name}.py is"
        raise Problem(f"{name or 'the empty name'} is {what}: {wanted}")
    if path.suffix == ".conf":
        return _configuration(path)
    if path.suffix != ".py":
        raise Problem(f"{name} is neither Python code (.py) nor configuration (.conf)")
    return _code(path, _names(path), over, tcp, host, interface)


def _application(module: str, called: str, folder: Path, interface: str | None, file: Path | None = None) -> Target:
    """Return the target for an application. What is wrong with a file of the folder is said here."""
    path, home = (file, folder) if file is not None else _found(module, folder)
    first = called.partition(".")[0].removesuffix("()")
    if path is not None:
        names = _names(path)
        if first not in names and not names & {"*", "__getattr__"}:
            raise Problem(f"{path.name} has no {first}: name the callable of the application, as in {path.stem}:app")
        return _application_of(path, module, called, home, interface)
    top = module.partition(".")[0]
    if not any((folder / one).exists() for one in (top, f"{top}.py")) and not _is_importable(top):
        raise Problem(f"there is no module {top} in {folder}, nor among the packages of this Python")
    return _application_of(None, module, called, folder, interface)


def _found(module: str, folder: Path) -> tuple[Path | None, Path]:
    """Return the file of a module, if a folder or its `src` has it, and the one that modules are looked for in."""
    for home in (folder, folder / "src"):
        place = home / module.replace(".", "/")
        for path in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if path.is_file():
                return path, home
    return None, folder


def _is_importable(top: str) -> bool:
    try:
        return find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _application_of(path: Path | None, module: str, called: str, folder: Path, interface: str | None) -> Target:
    """Return the target for a callable of a module, whose file is this one if that is known."""
    first = called.partition(".")[0].removesuffix("()")
    if interface is None:
        interface = "asgi" if path is not None and _is_asgi(path, first) else "wsgi"
    lines, imported = [path_line(folder, path)], module
    if path is not None and _is_odd(module, path):
        imported, module = _path_name(path), str(path)
    application = f"{module}:{called}"
    lines += [f"PythonApplication / {interface} {quoted(application)}"]
    whole = f"is an application of {interface.upper()}, which answers all requests"
    return Target(path or folder, lines, imported, is_whole=whole, application=application, folder=folder)


def _is_asgi(path: Path, name: str) -> bool:
    """Return whether a module's application is of ASGI, as far as its code tells.

    It is an `async def` function, or its module has an `async def __call__` or imports a framework of ASGI.
    """
    for node in ast.walk(_tree(path)):
        match node:
            case ast.AsyncFunctionDef() if node.name == name:
                return True
            case ast.FunctionDef() if node.name == name and [one.arg for one in node.args.args][:1] == ["environ"]:
                return False
            case ast.AsyncFunctionDef(name="__call__"):
                return True
            case ast.Import():
                imported = [alias.name for alias in node.names]
            case ast.ImportFrom():
                imported = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            case _:
                continue
        if any(f"{one}.".startswith(f"{package}.") for one in imported for package in _ASGI_PACKAGES):
            return True
        if any(one.rpartition(".")[2] in _ASGI_FUNCTIONS for one in imported):
            return True
    return False


def _code(
    path: Path, names: set[str], over: str | None, tcp: int | None, host: str, interface: str | None = None
) -> Target:
    """Return the target for a Python file that has these names."""
    filters: list[str] = [name for name in ("inputfilter", "outputfilter") if name in names]
    if tcp is not None:
        if "connectionhandler" not in names:
            raise Problem(f"{path.name} has no connectionhandler(conn), which --tcp serves: {_has(names)}")
        return _connections(path, tcp, host)
    if over is not None:
        if not filters:
            raise Problem(f"{path.name} has neither outputfilter(filter) nor inputfilter(filter): {_has(names)}")
        return _filter(path, filters, over)
    if "handler" in names:
        return _handler(path)
    if found := [name for name in ("application", "app") if name in names]:
        return _application_of(path, _dotted(path), found[0], _package_root(path), interface)
    if filters:
        raise Problem(f"{path.name} is a filter: say what it filters, with --over FOLDER or --over URL")
    if "connectionhandler" in names:
        raise Problem(f"{path.name} is a connection handler: say on which port, with --tcp PORT")
    raise Problem(
        f"{path.name} has nothing to serve: no handler(req), outputfilter(filter), inputfilter(filter) or "
        "connectionhandler(conn), and no application of WSGI or ASGI (application, app)"
    )


def _has(names: set[str]) -> str:
    """Return what the file has instead, for the end of a sentence."""
    found = [f"{name}, {what}" for name, what in _FUNCTIONS.items() if name in names]
    return f"it has {found[0]}" if found else "it has no function that httpd calls"


def _names(path: Path) -> set[str]:
    """Return the names that a module's code binds at its top level, in compound statements as well."""
    return set(_bound(_tree(path).body))


def _tree(path: Path) -> ast.Module:
    """Return the code of a file. Raise Problem if it is none."""
    try:
        return ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        raise Problem(f"{path}, line {error.lineno}: {error.msg}") from error
    except ValueError as error:
        raise Problem(f"{path} is no Python code: {error}") from error


def _bound(body: Iterable[ast.stmt]) -> Iterable[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (name.id for one in targets for name in ast.walk(one) if isinstance(name, ast.Name))
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                if isinstance(node, ast.With):
                    places = [item.optional_vars for item in node.items if item.optional_vars is not None]
                    yield from (name.id for one in places for name in ast.walk(one) if isinstance(name, ast.Name))
                for inner in ("body", "orelse", "finalbody"):
                    yield from _bound(getattr(node, inner, ()))
                for handler in getattr(node, "handlers", ()):
                    yield from _bound(handler.body)


def _module(path: Path) -> tuple[str, list[str]]:
    """Return how directives name the module of a file, and the lines that this needs."""
    name = _dotted(path)
    if _is_odd(name, path):
        return _path_name(path), []
    return name, [path_line(_package_root(path), path)]


def _is_odd(module: str, path: Path) -> bool:
    """Return whether a module is known by its file: its name is no name in Python, or that of another module."""
    if "." in path.stem or not all(one.isidentifier() for one in module.split(".")):
        return True
    if module.partition(".")[0] in {*sys.stdlib_module_names, "mod_python"}:
        return True
    return path.stem == module and _are_hidden([path.parent]) and _is_hidden(path)


def _is_hidden(path: Path) -> bool:
    """Return whether Python finds another module of the name of a file, whose folder is the last of `sys.path`."""
    found = PathFinder.find_spec(path.stem, _places.import_path())
    if found is None or found.origin is None:  # a folder without `__init__.py` comes behind all files
        return False
    try:
        return not path.samefile(found.origin)
    except OSError:  # it is in an archive
        return True


def _path_name(path: Path) -> str:
    """Return the path of a module's file as one argument of a directive."""
    if "|" in str(path) or "::" in str(path):
        raise Problem(f"{path} has | or :: in it, which directives do not take for parts of a name: rename it")
    return quoted(path)


def _dotted(path: Path) -> str:
    """Return the name of a file's module, with its packages where it imports others of them by dots."""
    return ".".join(path.relative_to(_package_root(path)).with_suffix("").parts)


def _package_root(path: Path) -> Path:
    """Return the folder in which the module of a file is found: that of its package if it has relative imports."""
    is_part = any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(_tree(path)))
    return _above_packages(path) if is_part else path.parent


def _above_packages(path: Path) -> Path:
    """Return the folder of a file; for one of a package, the folder in which that is found."""
    folder = path.parent
    while path.suffix == ".py" and (folder / "__init__.py").is_file() and folder.name.isidentifier():
        folder = folder.parent
    return folder


def path_line(folder: Path, path: Path | None = None) -> str:
    """Return the PythonPath that has a folder, and the one above the packages of a file.

    As with `python app.py`, modules there come before installed ones of their names. Where one has the name of one of
    Python's own, they come last: Python and this package would import it.
    """
    folders = dict.fromkeys([folder, _above_packages(path) if path is not None else folder])
    text = str([str(one) for one in folders])
    return f"PythonPath {quoted(f'sys.path + {text}' if _are_hidden(folders) else f'{text} + sys.path')}"


def _are_hidden(folders: Iterable[Path]) -> bool:
    """Return whether a module of one of these folders has the name of one of Python's own."""
    with contextlib.suppress(OSError):
        for one in (one for folder in folders for one in folder.iterdir() if one.stem in sys.stdlib_module_names):
            if one.suffix == ".py" or (one / "__init__.py").exists():
                return True
    return False


def _handler(path: Path) -> Target:
    name, lines = _module(path)
    lines += ['<Location "/">', "    SetHandler mod_python", f"    PythonHandler {name}", "</Location>"]
    return Target(path, lines, name)


def _connections(path: Path, port: int, host: str) -> Target:
    name, lines = _module(path)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines += [f"Listen {address}", f"<VirtualHost {address}>", f"    PythonConnectionHandler {name}"]
    lines += ["    ${TLS}", "</VirtualHost>"]
    return Target(path, lines, name, listens=True, scheme="tcp")


def _filter(path: Path, filters: list[str], over: str) -> Target:
    name, lines = _module(path)
    for function in filters:
        way = function.removesuffix("filter").capitalize()
        lines += [f"Python{way}Filter {name} SERVED_{way.upper()} encoding=decode"]
    lines += ['<Location "/">']
    lines += [f"    Set{way}Filter SERVED_{way.upper()}" for way in (f[:-6].capitalize() for f in filters)]
    lines += ["</Location>"]
    if site := re.match(r"https?://", over, re.IGNORECASE):
        over = site[0].lower() + over[site.end() :]
        proxy = ["proxy", "proxy_http", "deflate", *(["socache_shmcb", "ssl"] if over.startswith("https") else [])]
        return Target(path, lines + _proxied(over), name, modules=proxy)
    folder = Path(os.path.abspath(over))  # noqa: PTH100 - as above
    if not folder.is_dir():
        raise Problem(f"--over {over}: that is neither a folder nor a URL that begins with http:// or https://")
    lines += [f"<Directory {quoted(glob.escape(str(folder)))}>", "    Options Indexes FollowSymLinks", "</Directory>"]
    return Target(path, lines, name, documents=folder, modules=["autoindex", "deflate"])


def _proxied(url: str) -> list[str]:
    """Return the lines for another site behind all paths of this one."""
    origin = re.match(r"(https?://[^/?#\s]+)(/[^?#\s]*)?$", url)
    if origin is None:
        raise Problem(f"--over {url}: that is no URL of a site, as https://example.org/docs/ is")
    base = quoted(origin[1] + (origin[2] or "/").rstrip("/") + "/")
    lines = [f'ProxyPass "/" {base}', f'ProxyPassReverse "/" {base}', "ProxyAddHeaders Off"]
    # mod_deflate decodes gzip only.
    lines += ['RequestHeader edit* Accept-Encoding "br|zstd|deflate" identity']
    if url.startswith("https:"):
        lines += ["SSLProxyEngine on"]
        if known := next((place for place in _CERTIFICATES if Path(place).exists()), None):
            lines += ["SSLProxyVerify require", f"SSLProxyCACertificateFile {known}"]
    return lines


def _configuration(path: Path) -> Target:
    """Return the target for a fragment of configuration, with the modules of its folder and `htdocs` beside it."""
    documents = path.parent / "htdocs"
    lines = [path_line(path.parent), f"Include {quoted(glob.escape(str(path)))}"]  # it takes wildcards
    return Target(
        path,
        lines,
        documents=documents if documents.is_dir() else None,
        restarts=[path],
        is_whole="is configuration, which says by itself what is served",
    )
