"""What `mod_python serve --print-config` prints: an httpd.conf that is started by hand."""

import os
import shlex
from pathlib import Path

from mod_python import _places
from mod_python._command.children import Children
from mod_python._command.configuration import Configuration, Layout
from mod_python._command.options import Options
from mod_python._command.problem import Problem
from mod_python._command.site import python_path, variables_of
from mod_python._command.target import Target, current_folder, target_of
from mod_python._httpd_conf import certificate_command, usual_mpm

_DOCUMENTS = Path(__file__).resolve().parent / "no_files"
_LOGS = ["ErrorLog error.log", r'CustomLog access.log "%h %l %u %t \"%r\" %>s %b"']
_OWN_FILES = r'"^(error\.log|access\.log|httpd\.pid|key\.pem)$"'


def printed(options: Options) -> str:
    """Return an httpd.conf that serves what the command would serve, with its files in the current folder.

    Raises:
        Problem: it cannot be made; the sentence says why.
    """
    here = current_folder()
    target = target_of(options.target, options.over, options.tcp, options.host, here, options.interface)
    if options.env_file is not None:
        variables_of(options.env_file)  # what is wrong there is said now
    children = Children(target.path)
    configuration = Configuration(options, target, usual_mpm(), children, Layout(here, ".", _DOCUMENTS))
    before = [*_LOGS, *_hidden(target, here)]
    comments = _comments(options, configuration, here)
    text = [*_head(options, target, children), ""]
    for line in configuration.lines(before, []):
        text += [f"# {one}" for begin, ones in comments.items() if line.strip().startswith(begin) for one in ones]
        text.append(line)
    return "\n".join([*text, ""])


def _head(options: Options, target: Target, children: Children) -> list[str]:
    """Return the comment at the top."""
    start = shlex.join([str(_places.httpd()), "-f"])
    lines = [f"This httpd.conf serves {options.target} as `mod_python serve` does. To start httpd with it:", ""]
    if options.env_file is not None:
        lines += [f"    set -a; . {shlex.quote(str(options.env_file.absolute()))}; set +a"]
    lines += [f"    {_package_path()}{start} /the/path/of/this/file", ""]
    lines += ["`-k graceful` and `-k stop` behind that restart and stop it; `-D FOREGROUND` keeps it at the terminal."]
    if options.env_file is not None:
        lines += [f"The variables of {options.env_file} are no part of it: httpd has those that it is started with."]
    unreadable = [path for path in (target.path, _places.PACKAGE) if not children.can_read(path)]
    lines += [f"httpd's children run as {children.name}, who cannot read {path}: move it." for path in unreadable]
    return [_comment(line) for line in lines]


def _comment(line: str) -> str:
    if "\n" in line or "\r" in line:
        raise Problem(f"{line!r} cannot stand in httpd.conf, since it has a line end: rename what it names")
    return f"# {line} " if line.endswith("\\") else f"# {line}".rstrip()


def _package_path() -> str:
    """Return the variable that httpd must be started with, for packages outside of its Python's folders."""
    folders = python_path({})
    return f"PYTHONPATH={shlex.quote(os.pathsep.join(folders))} " if folders else ""


def _comments(options: Options, configuration: Configuration, here: Path) -> dict[str, list[str]]:
    """Return comments by how the line below them begins."""
    own = "The logs and other files of httpd's are in this folder: who starts it must be able to write to it."
    found = {"ServerRoot ": [own]}
    certificate = [f"It is made by: {shlex.join(certificate_command(here / 'cert.pem', here / 'key.pem'))}"]
    text, modules = configuration.fragment(), _places.modules()
    if options.tls:
        found["SSLCertificateFile "] = certificate
    if "${CERT}" in text or "${KEY}" in text:
        found["Define CERT "] = certificate
    if "${STATE}" in text:
        found["Define STATE "] = ["It must be there, and writable for httpd's children."]
    needs = {
        "logs/": f"Its paths that begin with logs/ need a folder: {shlex.join(['mkdir', str(here / 'logs')])}",
        "modules/": f"Those that begin with modules/ need a link: {shlex.join(['ln', '-s', str(modules), str(here)])}",
    }
    found["Include "] = [need for part, need in needs.items() if part in text]
    return found


def _hidden(target: Target, here: Path) -> list[str]:
    """Return lines that keep httpd's own files from being served, where they are below the folder that is."""
    if target.documents is None or not here.resolve().is_relative_to(target.documents.resolve()):
        return []
    return [f"<FilesMatch {_OWN_FILES}>", "    Require all denied", "</FilesMatch>"]
