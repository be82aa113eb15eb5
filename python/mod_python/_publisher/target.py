"""What a URL names: the file of a module, and the names of the objects in it."""

import os
import stat
from typing import NamedTuple

from mod_python import apache

# httpd's numbers of Options (http_core.h).
_FOLLOW_SYM_LINKS = 4
_SYM_LINKS_IF_OWNER_MATCH = 64

# The extensions of AddHandler, each with its dot, once they are known: the configuration stays while a child lives.
_added: tuple[str, ...] | None = None


class Target(NamedTuple):
    """What a URL names."""

    file: str  # the path of the module's file
    names: list[str]  # those of the objects, from the module on


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
    names = path.split("/") if path else []
    # Files that begin with these are no pages: hidden ones, parts of a package, helpers.
    if not name.startswith((".", "_")) and _is_file(req, f"{folder}/{name}.py"):
        return Target(f"{folder}/{name}.py", names or ["index"])
    if name != "index" and _is_file(req, f"{folder}/index.py"):
        return Target(f"{folder}/index.py", [name, *names])
    raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)


def _without_extension(req: apache.Request, name: str) -> str:
    """Return a name without the longest of the extensions that lead to Python."""
    global _added
    if _added is None:
        _added = tuple(f".{one}" for one in req.get_addhandler_exts().split())
    extensions = [".py", *_added]
    if req.extension:
        extensions.append(req.extension)
    longest = max((one for one in extensions if name.endswith(one)), key=len, default="")
    return name.removesuffix(longest)


def _is_file(req: apache.Request, path: str) -> bool:
    """Return whether there is such a file.

    httpd has looked at the folder, but it knows the file by another name: so links are looked at here.
    """
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            target = os.stat(path)  # noqa: PTH116 - pathlib takes long to import
            _check_link(req, path, status, target)
            status = target
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode)


def _check_link(req: apache.Request, path: str, link: os.stat_result, target: os.stat_result) -> None:
    options = req._allow_options
    is_allowed = options & _FOLLOW_SYM_LINKS or (options & _SYM_LINKS_IF_OWNER_MATCH and link.st_uid == target.st_uid)
    if not is_allowed:
        req.log_error(f"mod_python: symbolic link not allowed by Options: {path}")
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
