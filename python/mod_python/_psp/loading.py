"""The pages of one interpreter, found compiled, or read and compiled."""

from collections.abc import Callable, Hashable

from mod_python import apache
from mod_python._psp.cache import PageCache
from mod_python._psp.page import Loader, Page, PageOptions
from mod_python._psp.source import DEFAULT_ENCODING, Source, flag

# What a page that is a string is called.
STRING = "<PSP string>"
pages = PageCache()
PLAIN = PageOptions(DEFAULT_ENCODING, autoescape=False)


def options(req: apache.Request) -> PageOptions:
    """Return what PythonOption says of pages. Raise ValueError if that is wrong."""
    options = req.get_options()
    text, encoding = options.get("mod_python.psp.autoescape"), options.get("mod_python.psp.encoding")
    if text is None and encoding is None:
        return PLAIN
    autoescape = text is not None and flag(text, "PythonOption mod_python.psp.autoescape")
    return PageOptions(encoding or DEFAULT_ENCODING, autoescape)


def loader_of(filename: str, options: PageOptions) -> Loader:
    """Return what reads the page at a path, and finds its includes."""
    return Loader(filename.rpartition("/")[0] or "/", options)


def read(req: apache.Request, loader: Loader, filename: str, *, is_named: bool = False) -> Source:
    """Return the source of a page, which a program has named, or the URL; raise SERVER_RETURN if it cannot be read."""
    try:
        return loader.file(filename)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        if is_named:
            req.log_error(f"mod_python.psp: {error}")
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND) from None
    except PermissionError as error:
        req.log_error(f"mod_python.psp: {error}")
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN) from None


def _kept(key: Hashable, compile_it: Callable[[], Page]) -> Page:
    try:
        return pages.get(key, compile_it)
    except SyntaxError as error:
        # Where it was found says nothing: the error has the file and the line of the page.
        raise error.with_traceback(None) from None


def page_of_file(req: apache.Request, path: str, options: PageOptions, *, is_named: bool) -> Page:
    """Return the page of a file; errors are those of `read`, and SyntaxError."""

    def compiled() -> Page:
        loader = loader_of(path, options)
        return loader.page(read(req, loader, path, is_named=is_named))

    return _kept((path, options), compiled)


def page_of_text(text: str | bytes, folder: str, options: PageOptions) -> Page:
    """Return the page that a text is. Raise SyntaxError if it is wrong."""

    def compiled() -> Page:
        loader = Loader(folder, options)
        return loader.page(loader.text(text, STRING))

    return _kept((text, folder, options), compiled)
