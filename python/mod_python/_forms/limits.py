"""How large a form may be: options ``mod_python.form...``, and ``util.FormLimits``."""

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from mod_python import _apache

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class TooLargeError(ValueError):
    """A form that is larger than it may be; the text says in what."""


@dataclass(frozen=True)
class FormLimits:
    """How large a form may be; a larger one is answered with 413. A bound of -1 is none.

    Attributes:
        max_fields: how many fields it may have, those of the query included.
        max_files: how many of these may be files.
        max_memory: how many bytes all texts and headers of fields may have together.
        max_file_size: how many bytes each file may have; -1 for as many as LimitRequestBody lets pass.
        spool_size: how many bytes of a file are held in memory; a larger file is on the disk.
    """

    max_fields: int = 1000
    max_files: int = 100
    max_memory: int = 8 << 20
    max_file_size: int = -1
    spool_size: int = 64 << 10

    @classmethod
    def of(cls, req: "_apache.Request") -> Self:
        """Return the limits that PythonOption sets for a request: ``PythonOption mod_python.form.max_fields 5000``.

        Raises:
            ValueError: an option is no number, with K, M or G behind it.
        """
        options = req.get_options()
        if cls is FormLimits and _NAMES.isdisjoint(options):
            usual: Self = _usual
            return usual
        texts = [(name, text) for name, option in _OPTIONS if (text := options.get(option)) is not None]
        return cls(**{name: _number(name, text) for name, text in texts})


def bound(most: int) -> float:
    """Return a bound, or the infinite one for a number below 0."""
    return most if most >= 0 else float("inf")


def most_fields(req: "_apache.Request") -> int:
    """Return how many fields a form of a request may have. Raise ValueError if that option is no number."""
    text = req.get_options().get("mod_python.form.max_fields")
    return FormLimits.max_fields if text is None else _number("max_fields", text)


_OPTIONS = tuple((field.name, f"mod_python.form.{field.name}") for field in fields(FormLimits))
_NAMES = frozenset(option for _, option in _OPTIONS)
_usual: Any = FormLimits()


def _number(name: str, text: str) -> int:
    match = re.fullmatch(r"(-1|\d+)([KMG]?)", text.strip().upper())
    if match is None:
        raise ValueError(f"PythonOption mod_python.form.{name} {text}: write a number, such as 500, 64K, 8M or 1G")
    return int(match[1]) * _UNITS[match[2]]
