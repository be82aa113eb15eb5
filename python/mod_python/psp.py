"""Python server pages: HTML with Python in it, and templates, as in mod_python 3.

``PythonHandler mod_python.psp`` serves files of the section as pages.
"""

import os
import sys
from collections.abc import Mapping
from types import CodeType
from typing import Any, NoReturn

from mod_python import _apache, _failures, apache, util
from mod_python._forms.request_form import RequestForm
from mod_python._psp import loading
from mod_python._psp.display import is_view, redirect_to_view, table
from mod_python._psp.errors import TemplateError
from mod_python._psp.escaping import Markup, escape
from mod_python._psp.output import add_writers, begin, end
from mod_python._psp.page import MODULES, Loader, Page
from mod_python._psp.source import Stamp
from mod_python._psp.tracebacks import name_included_files

__all__ = ["PSP", "Markup", "PSPInterface", "TemplateError", "escape", "handler", "parse", "parsestring"]


def _directory(req: apache.Request) -> str:
    """Return the folder of the file that a request leads to."""
    return (req.filename or "").rpartition("/")[0] or "/"


class PSP:
    """A page, or a template, for a request.

    Attributes:
        req: the request.
        filename: the path of the page; None for one that is a string.
        string: the page that is a string; None for a file.
        vars: the globals for its code that were given to the constructor.
        code: its compiled code.
    """

    filename: str | None
    code: CodeType
    _is_error_page = False

    def __init__(
        self,
        req: apache.Request,
        filename: str | None = None,
        string: str | bytes | None = None,
        vars: Mapping[str, Any] = {},
    ) -> None:
        """Compile a page, or find it compiled.

        Args:
            req: the request.
            filename: the path of the page; a relative one begins in the folder of ``req.filename``. Without it and
                without `string`, the page is ``req.filename``.
            string: the page itself.
            vars: globals for its code.

        Raises:
            apache.SERVER_RETURN: there is no such file (404), or it may not be read (403). An entry of the log names
                `filename`.
            SyntaxError: a part of it is no Python; a `TemplateError` for what is wrong outside of its Python.
            ValueError: there are both `filename` and `string`, or a PythonOption is wrong.
        """
        if filename is not None and string is not None:
            raise ValueError("PSP() takes a filename or a string, not both")
        if string is not None:
            self._set(req, None, vars, string, loading.page_of_text(string, _directory(req), loading.options(req)))
        elif filename is None:
            self._set(req, req.filename or "", vars)
        else:
            self._set(req, os.path.join(_directory(req), filename), vars, is_named=True)  # noqa: PTH118

    def _set(
        self,
        req: apache.Request,
        path: str | None,
        vars: Mapping[str, Any],
        string: str | bytes | None = None,
        page: Page | None = None,
        found: Stamp | None = None,
        *,
        is_named: bool = False,
    ) -> None:
        """Set the attributes. `page`: that of a string; `found`: the stamp of the file, if that is known."""
        self.req, self.vars, self.string, self.filename = req, vars, string, path
        if path is not None:
            options = loading.options(req)
            kept = loading.pages.current((path, options), found)
            page = loading.page_of_file(req, path, options, is_named=is_named) if kept is None else kept
        assert page is not None
        self._page, self.code = page, page.code

    def __str__(self) -> str:
        """Write the page to the response, as HTML, and return an empty text."""
        _set_type(self.req)
        self.run()
        return ""

    def run(self, vars: Mapping[str, Any] = {}, flush: bool | int = False) -> None:
        """Write the page to the response.

        Its code finds as globals ``req``, ``psp`` (a `PSPInterface`), ``form`` and ``session`` if it names them, and
        `vars`. A session that the request has is saved when the code has ended, be it by a redirection.

        Args:
            vars: globals for its code, besides those of the constructor.
            flush: whether the response is sent to the client then.

        Raises:
            BaseException: whatever its code raises, unless it has named an error page for it.
        """
        req, page = self.req, self._page
        interface = PSPInterface(req, self.filename or req.filename)
        is_our_session = page.uses_session and _session(req) is None
        names = _BASE.copy()
        for name in page.modules:
            __import__(MODULES[name])
            names[name] = sys.modules[MODULES[name]]
        names["__name__"], names["req"], names["psp"] = page.name, req, interface
        is_outer = begin(req, names, page.names)
        try:
            if is_our_session:
                req.session = _new_session(req)  # type: ignore[attr-defined]
            names["form"] = interface.form if page.uses_form else req._form_so_far
            names["session"] = _session(req)
            if self.vars:
                names.update(self.vars)
            if vars:
                names.update(vars)
            names["__file__"] = req.filename
            self._run(names, interface, flush)
        finally:
            if is_our_session and (session := _session(req)) is not None:
                session.unlock()
                del req.session  # type: ignore[attr-defined]
            if is_outer:
                end(req)

    def _run(self, names: dict[str, Any], interface: "PSPInterface", flush: bool | int) -> None:
        req = self.req
        try:
            exec(self.code, names)
        except Exception as error:
            if not _fail(req, self._page, interface, self.filename, error, not self._is_error_page, flush):
                raise
        else:
            _save_session(req)
            if flush:
                req.flush()

    def display_code(self) -> None:
        """Write a table of HTML to the response: the Python code that is made of the page, and the page beside it."""
        source = self._page.generated.files[0][1]
        folder = self.filename.rpartition("/")[0] if self.filename else _directory(self.req)
        code = Loader(folder or "/", loading.options(self.req)).generated(source).code
        self.req.write(table(self.filename or loading.STRING, code, source.text), False)


class PSPInterface:
    """The global ``psp`` of a page.

    Attributes:
        req: the request.
        filename: the path of the page.
        error_page: the `PSP` that answers if the page fails, or None.
    """

    error_page: PSP | None = None

    def __init__(self, req: apache.Request, filename: str | None) -> None:
        self.req = req
        self.filename = filename

    @property
    def form(self) -> util.FieldStorage:
        """The form of the request, with its empty fields: ``req.form``, which is read when it is first used."""
        form: util.FieldStorage | None = self.req._form_so_far
        if form is None or (isinstance(form, RequestForm) and "list" not in vars(form)):  # it was not read yet
            form = self.req.form = RequestForm(self.req, keep_blank_values=True)
            form()
        return form

    def set_error_page(self, filename: str) -> None:
        """Have another page answer if this one fails from now on.

        What was written already stays. The error page has the global ``exception``: the type, the exception and its
        traceback. The status is 200, unless one of both sets ``req.status``.

        Args:
            filename: the path of the page, in the folder of this one; below the DocumentRoot if it begins with a slash.

        Raises:
            SyntaxError: as for `PSP`. A page that is not there is an entry of the log at level error, and there is no
                error page then.
        """
        if filename.startswith("/"):
            folder, filename = self.req.document_root(), filename.lstrip("/")
        else:
            folder = (self.filename or "").rpartition("/")[0]
        try:
            self.error_page = PSP(self.req, f"{folder.rstrip('/')}/{filename}")
        except apache.SERVER_RETURN:
            self.error_page = None
        else:
            self.error_page._is_error_page = True

    def apply_data(self, object: Any, **kw: Any) -> Any:
        """Call a function with the fields of the form as its arguments, and ``req``: see ``util.apply_fs_data``.

        Args:
            object: what is called.
            kw: arguments that no field can change.
        """
        return util.apply_fs_data(object, self.form, **{"req": self.req, **kw})

    def redirect(self, location: str, permanent: bool | int = False, *, status: int | None = None) -> NoReturn:
        """Send the client to another URL, and end the page: see ``util.redirect``.

        Args:
            location: the URL, or the path of one.
            permanent: whether the status is 301, for ever, in place of 302.
            status: 301, 302, 303, 307 or 308.

        Raises:
            apache.SERVER_RETURN: always; let it pass.
            OSError: a part of the response was sent already.
        """
        util.redirect(self.req, location, permanent, status=status)


def parse(filename: str, dir: str | None = None) -> str:
    """Return the Python code that is made of a page.

    Args:
        filename: its path.
        dir: the folder in which it is, and in which its includes are; without it, includes are beside the page.

    Raises:
        OSError: it cannot be read.
        TemplateError: it is wrong outside of its Python code, or an include cannot be read.
    """
    if dir:
        filename = dir + ("" if dir.endswith("/") or filename.startswith("/") else "/") + filename
    folder, slash, _ = filename.rpartition("/")
    loader = Loader(dir or folder or slash or ".", loading.PLAIN)
    return loader.generated(loader.file(filename)).code


def parsestring(string: str | bytes, dir: str | None = None) -> str:
    """Return the Python code that is made of a page.

    Args:
        string: the page.
        dir: the folder that includes are looked for in.

    Raises:
        TemplateError: it is wrong outside of its Python code, or an include cannot be read.
    """
    loader = Loader(dir or "", loading.PLAIN)
    return loader.generated(loader.text(string, loading.STRING)).code


def handler(req: apache.Request) -> int:
    """Serve the file of the request as a page, for ``PythonHandler mod_python.psp``.

    With ``PythonDebug On``, a path with ``_`` behind the name of a page shows its Python code. httpd is asked for the
    page itself then, by an internal redirection, so that the view needs all that the page needs: what ``Require`` says
    of its name, Options for symbolic links, and this handler.

    Raises:
        BaseException: as `PSP` and its ``run``.
    """
    if _server.serve(req):
        return apache.OK
    filename = req.filename or ""
    is_code = is_view(req)  # PythonDebug takes longer to find out
    if (is_code or filename.endswith("_")) and req.get_config().get("PythonDebug") == "1":
        if is_code:
            _display(req, filename)
            return apache.OK
        if not os.path.lexists(filename):
            redirect_to_view(req)
            return apache.OK
    page, found = PSP.__new__(PSP), req._found_stamp
    page._set(req, filename, {}, found=found)
    if found is not None and page._page.is_plain(found) and loading.options(req) is loading.PLAIN:
        _server.keep(filename, found, page._page)
    _set_type(req)
    page.run()
    return apache.OK


def _fail(
    req: apache.Request,
    page: Page,
    interface: PSPInterface,
    filename: str | None,
    error: Exception,
    has_error_page: bool = True,
    flush: bool | int = False,
) -> bool:
    """Do what follows on an exception in the code of a page, which is being handled.

    Another page answers if `has_error_page`, and if the page has named one; `flush`: it is sent to the client then.

    Returns:
        Whether the exception is dealt with; it goes on otherwise.

    Raises:
        BaseException: whatever the error page raises.
    """
    if isinstance(error, apache.SERVER_RETURN):
        _save_session(req)
        return False
    name_included_files(error, page.generated)
    error_page = interface.error_page
    if error_page is None or not has_error_page:
        return False
    lines = "".join(_failures.formatted(error, error.__traceback__)).rstrip("\n")
    req.log_error(f"mod_python.psp: {filename or loading.STRING} failed, its error page answers\n{lines}")
    error_page.run({"exception": (type(error), error, error.__traceback__)}, flush)
    return True


def _fail_alone(
    req: apache.Request, page: Page, interface: PSPInterface, filename: str | None, error: Exception
) -> bool:
    """As `_fail`, for an exception that nothing handles so far: error pages ask `sys.exc_info()` for it."""
    context = error.__context__
    try:
        raise error
    except Exception:
        error.__context__ = context  # not what the caller of the handler handles
        return _fail(req, page, interface, filename, error)


def _set_type(req: apache.Request) -> None:
    if not req._content_type_set:
        req.content_type = "text/html; charset=utf-8"


def _display(req: apache.Request, filename: str) -> None:
    """Write the view of a page, which need not be Python."""
    loader = loading.loader_of(filename, loading.options(req))
    source = loading.read(req, loader, filename)
    _set_type(req)
    req.write(table(filename, loader.generated(source).code, source.text), False)


def _new_session(req: apache.Request) -> Any:
    from mod_python import Session  # which takes long to import

    return Session.Session(req)


def _session(req: apache.Request) -> Any:
    """Return what was set as ``req.session``, or None."""
    return getattr(req, "session", None)


def _save_session(req: apache.Request) -> None:
    session = _session(req)
    if session is not None:
        session.save()


# The globals of all pages.
_BASE: dict[str, Any] = {
    "__builtins__": __builtins__,
    "PSP": PSP,
    "PSPInterface": PSPInterface,
    "Markup": Markup,
    "apache": apache,
    "escape": escape,
    "os": os,
    "parse": parse,
    "parsestring": parsestring,
    "sys": sys,
    "util": util,
}
# It serves pages that it keeps.
_server = _apache.PageServer((_BASE, PSPInterface, add_writers, _fail_alone, _save_session))
