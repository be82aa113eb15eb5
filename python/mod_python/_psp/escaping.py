"""Values in HTML."""

import html


class Markup(str):
    """Text that is HTML already: `escape` leaves it as it is. What is made of it by methods of `str` is plain text."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the text."""
        return str(self)


def escape(value: object) -> Markup:
    """Return a value as HTML shows it: ``str(value)`` with ``&``, ``<``, ``>`` and both quotes written as references.

    Args:
        value: anything. What has a method ``__html__``, such as `Markup` or the class of that name in markupsafe, says
            itself how it is written.
    """
    as_html = getattr(value, "__html__", None)
    return Markup(html.escape(str(value)) if as_html is None else as_html())
