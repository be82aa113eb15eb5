"""What a URL names: the file of a module, and the names of the objects in it."""

import os
import stat
from typing import NamedTuple

from mod_python import apache

# httpd's numbers of Options (http_core.h).
_FOLLOW_SYM_LINKS = 4
_SYM_LINKS_IF_OWNER_MATCH = 64

_PLAIN, _LINK = "a file", "a symbolic link"


class Target(NamedTuple):
    """What a URL names."""

    file: str  # the path of the module's file
    names: tuple[str, ...]  # those of the objects, from the module on
    is_link: bool  # whether the file is a symbolic link


def find(req: apache.Request) -> Target:
    """Return what a request asks for.

    The file is ``NAME.py`` in the folder of `req.filename`, where NAME is its last part without an extension of ours;
    else ``index.py``, and NAME is the first of the objects.

    Raises:
        apache.SERVER_RETURN: 404 if there is neither, 403 if the file is a symbolic link that `Options` do not allow.
    """
    filename = req.filename
    if not filename:
        req.log_error("mod_python: the publisher needs a file name, and this request has none", apache.APLOG_INFO)
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    folder, _, last = filename.rpartition("/")
    if last and req.finfo.filetype == apache.APR_DIR:
        folder, last = filename, ""
    name = _without_extension(req, last) if last else "index"
    path = (req.path_info or "").removeprefix("/").removesuffix("/")
    names = tuple(path.split("/")) if path else ()
    file = f"{folder}/{name}.py"
    # Files that begin with these are no pages: hidden ones, parts of a package, helpers.
    if not name.startswith((".", "_")) and (kind := _kind(req, file)):
        return Target(file, names or ("index",), kind is _LINK)
    file = f"{folder}/index.py"
    if name != "index" and (kind := _kind(req, file)):
        return Target(file, (name, *names), kind is _LINK)
    raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)


def _without_extension(req: apache.Request, name: str) -> str:
    """Return a name without the longest of the extensions that lead to Python; httpd takes `added` ones in any case."""
    if "." not in name:
        return name
    found = [one for one in (".py", req.extension or "") if one and name.endswith(one)]
    found += [f".{one}" for one in req.get_addhandler_exts().split() if name[-len(one) - 1 :].lower() == f".{one}"]
    return name[: -max(map(len, found))] if found else name


def _kind(req: apache.Request, path: str) -> object:
    """Return what a file is, `_PLAIN` or `_LINK`; None if there is no such file.

    httpd has looked at the folder, but it knows the file by another name: so links are looked at here.
    """
    try:
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            return _PLAIN
        if not stat.S_ISLNK(status.st_mode):
            return None
        target = os.stat(path)  # noqa: PTH116 - pathlib takes long to import
    except OSError:
        return None
    if not stat.S_ISREG(target.st_mode):
        return None
    _check_link(req, path, status, target)
    return _LINK


def _check_link(req: apache.Request, path: str, link: os.stat_result, target: os.stat_result) -> None:
    options = req._allow_options
    is_allowed = options & _FOLLOW_SYM_LINKS or (options & _SYM_LINKS_IF_OWNER_MATCH and link.st_uid == target.st_uid)
    if not is_allowed:
        req.log_error(f"mod_python: symbolic link not allowed by Options: {path}")
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
