"""What is raised for a page that cannot be compiled."""


class TemplateError(SyntaxError):
    """A page that is wrong outside of its Python code: a tag without an end, an include that is not there.

    It is a `SyntaxError` with the file and the line: ``filename``, ``lineno`` and ``text``.
    """

    __module__ = "mod_python.psp"
