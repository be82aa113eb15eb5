"""Calls functions of the module apache; called by call_by_path."""

import sys
import types
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache


def constants(req: apache.Request) -> dict[str, Any]:
    return {name: value for name, value in vars(apache).items() if isinstance(value, int | str)}


def server(req: apache.Request) -> dict[str, Any]:
    return {
        "root": apache.server_root(),
        "defined": [apache.exists_config_define(name) for name in ("API_DEFINED", "API_UNDEFINED")],
        "tree": apache.config_tree(),
        "main": apache.main_server.is_virtual,
        "interpreter": apache.interpreter,
    }


def mpm(req: apache.Request) -> dict[str, Any]:
    names = [name for name in dir(apache) if name.startswith("AP_MPMQ_")]
    return {
        "threaded": apache.mpm_query(apache.AP_MPMQ_IS_THREADED),
        "forked": apache.mpm_query(apache.AP_MPMQ_IS_FORKED),
        "async": apache.mpm_query(apache.AP_MPMQ_IS_ASYNC),
        "daemons": apache.mpm_query(apache.AP_MPMQ_MAX_DAEMONS),
        "all": all(isinstance(apache.mpm_query(getattr(apache, name)), int) for name in names),
        "unknown": apache.mpm_query(99),
        "wrong": error_of(apache.mpm_query, "1"),
    }


def paths(req: apache.Request) -> list[int]:
    return [
        apache.find_path_info("/cgi/script/more/info", "/more/info"),
        apache.find_path_info("/cgi/script", ""),
        apache.find_path_info("/a//b", "/b"),
    ]


def stat(req: apache.Request) -> dict[str, Any]:
    file = apache.stat(req.filename, apache.APR_FINFO_NORM)
    folder = apache.stat(req.document_root().encode(), apache.APR_FINFO_TYPE)
    missing = apache.stat(req.filename + ".no", apache.APR_FINFO_NORM)
    return {
        "file": [file.fname, file.filetype == apache.APR_REG, file.size, file.mtime == file[apache.FINFO_MTIME]],
        "folder": [folder.filetype == apache.APR_DIR, folder.fname],
        "missing": [missing.filetype == apache.APR_NOFILE, missing.size, missing.mtime],
        "below a file": error_of(apache.stat, req.filename + "/below", apache.APR_FINFO_NORM),
        "wrong": error_of(apache.stat, 3, apache.APR_FINFO_NORM),
        "kept": req.finfo.size,
    }


class Shop:
    counter = "of the class"

    def __init__(self, arg: object) -> None:
        self.counter = f"made with {arg}"


def modules(req: apache.Request) -> dict[str, Any]:
    here = sys.modules[__name__]
    sys.modules.pop("imported_module", None)
    return {
        "once": apache.import_module("imported_module", log=True) is apache.import_module("imported_module", log=True),
        "missing": error_of(apache.import_module, "missing_module"),
        "mtime": apache.module_mtime(here) > 1e9,
        "no file": apache.module_mtime(sys),
        "gone": apache.module_mtime(types.SimpleNamespace(__file__="/nonexistent")),  # type: ignore[arg-type]
        "class": apache.resolve_object(here, "Shop.counter", 3),
        "plain": apache.resolve_object(here, "Shop") is Shop,
        "silent": apache.resolve_object(here, "Shop.till", 3, silent=True),
        "loud": error_of(apache.resolve_object, here, "Shop.till.drawer"),
    }


def logs(req: apache.Request) -> list[str]:
    apache.log_error("an error by default")
    apache.log_error("level 0 is one, too", 0)
    apache.log_error("with a bit of old", 16 | apache.APLOG_NOTICE)
    apache.log_error("for the server", apache.APLOG_WARNING, req.server)
    apache.log_error("traced", apache.APLOG_TRACE4)
    apache.log_error("hidden", apache.APLOG_TRACE5)
    apache.log_error(None)
    return [error_of(apache.log_error, 3), error_of(apache.log_error, "x", 3, "server"), error_of(apache.log_error)]
