"""Lines and sections of httpd's configuration as objects: part of ``mod_python.httpdconf``."""

from collections.abc import Sequence
from typing import Any, ClassVar

from mod_python._httpd_conf import quoted

_CONTROL = frozenset("\0\r\n")


def quote_if_space(s: str) -> str:
    """Return a text in double quotes if it has a blank, as one argument of a directive; else as it is."""
    return quoted(s) if any(character.isspace() for character in s) else s


def _checked(text: str) -> str:
    """Return a text that stays in its line. Raise ValueError for any other one."""
    if not _CONTROL.isdisjoint(text) or text.endswith("\\"):
        raise ValueError(f"{text!r} would not end with its line: the line of a directive has no line end and no NUL")
    return text


class Part:
    """What a configuration is made of. `str()` gives the text, and `repr()` Python code that makes an equal object."""

    # How deep it stands, in blanks.
    indent = 0

    def arguments(self) -> list[str]:
        """Return the arguments of the constructor as Python code."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.arguments())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class Directive(Part):
    """A line of the configuration.

    Attributes:
        name: the name of the directive (str).
        val: its arguments (str) as they are written.
        flipslash: whether backslashes become slashes, as in paths of Windows.
    """

    # Whether it takes one argument, which is quoted where it has blanks.
    takes_one: ClassVar[bool] = False
    flips: ClassVar[bool] = True

    def __init__(self, name: str, val: str | Sequence[str], flipslash: bool | int | None = None) -> None:
        """Make a line.

        Args:
            name: the name of the directive.
            val: its arguments as they are written in a configuration; or a list of them, each of which is quoted where
                it needs it.
            flipslash: whether backslashes become slashes.

        Raises:
            ValueError: the text would not end with its line.
        """
        self.name = _checked(name)
        self.flipslash = self.flips if flipslash is None else bool(flipslash)
        if isinstance(val, str):
            text = val.replace("\\", "/") if self.flipslash else val
            is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
            self.val = text if is_quoted or not self.takes_one else quote_if_space(text)
        else:
            self.val = " ".join(quoted(one.replace("\\", "/") if self.flipslash else one) for one in val)
        _checked(self.val)

    def arguments(self) -> list[str]:
        """Return the arguments of the constructor as Python code."""
        found = [repr(self.val)] if type(self) is not Directive else [repr(self.name), repr(self.val)]
        flipslash = self.flipslash and "\\" not in self.val  # what was not flipped is not to be flipped later
        return found if flipslash == self.flips else [*found, f"flipslash={int(flipslash)}"]

    def __str__(self) -> str:
        return f"{' ' * self.indent}{self.name} {self.val}".rstrip() + "\n"


class Comment(Part):
    """Lines of text, each behind a ``#``."""

    def __init__(self, text: str) -> None:
        """Make a comment of a text, which may have several lines."""
        self.text = text

    def arguments(self) -> list[str]:
        """Return the arguments of the constructor as Python code."""
        return [repr(self.text)]

    def __str__(self) -> str:
        # A backslash at the end would make the next line a part of the comment.
        lines = [f"{line} " if line.endswith("\\") else line for line in self.text.replace("\0", "").splitlines()]
        return "".join(f"{' ' * self.indent}# {line}\n" for line in lines)


class Container(Part):
    """Parts of a configuration, one below the other.

    Attributes:
        args: the parts (a list).
        only_if: a Python expression; where it is false, the parts are left out. None: they are always there.
    """

    def __init__(self, *args: "Part", only_if: str | None = None) -> None:
        """Put parts together.

        Raises:
            TypeError: one of them is no part of a configuration.
        """
        self.args: list[Part] = []
        self.only_if = only_if
        for each in args:
            self.append(each)

    def append(self, x: "Part") -> None:
        """Add a part at the end. Raise TypeError for what is none."""
        if not isinstance(x, Part):
            raise TypeError(f"a part of a configuration is a Directive, Container, ContainerTag or Comment, not {x!r}")
        self.args.append(x)

    def arguments(self) -> list[str]:
        """Return the arguments of the constructor as Python code."""
        found = [repr(each) for each in self.args]
        return found if self.only_if is None else [*found, f"only_if={self.only_if!r}"]

    def is_there(self) -> bool:
        """Return whether `only_if` holds. Raise whatever the expression raises."""
        from mod_python import httpdconf  # whose names the expression can use

        return self.only_if is None or bool(eval(self.only_if, vars(httpdconf)))

    def __str__(self) -> str:
        return self.text_of_parts(self.indent) if self.is_there() else ""

    def text_of_parts(self, indent: int) -> str:
        """Return the text of the parts, so many blanks deep."""
        for each in self.args:
            each.indent = indent
        return "".join(str(each) for each in self.args)


class ContainerTag(Container):
    """A section of the configuration, with what stands in it."""

    # Whether its attribute is one argument, which is quoted where it has blanks.
    takes_one: ClassVar[bool] = False

    def __init__(self, tag: str, attr: str, args: Sequence["Part"] = (), flipslash: bool | int = True) -> None:
        """Make a section.

        Args:
            tag: its name, as in ``Directory``.
            attr: its argument, as it is written.
            args: the parts that stand in it.
            flipslash: whether backslashes of `attr` become slashes.

        Raises:
            TypeError: one of the parts is none.
            ValueError: the text would not end with its line.
        """
        super().__init__(*args)
        self.tag = _checked(tag)
        self.flipslash = bool(flipslash)
        text = attr.replace("\\", "/") if flipslash else attr
        is_plain = self.takes_one and text[:1] not in ("~", '"', "'")
        self.attr = _checked(quote_if_space(text) if is_plain else text)

    def arguments(self) -> list[str]:
        """Return the arguments of the constructor as Python code."""
        parts = [repr(each) for each in self.args]
        if type(self) is not ContainerTag:
            return [repr(self.attr), *parts]
        return [repr(self.tag), repr(self.attr), f"[{', '.join(parts)}]", *([] if self.flipslash else ["flipslash=0"])]

    def __str__(self) -> str:
        blanks = " " * self.indent
        return f"{blanks}<{self.tag} {self.attr}>\n{self.text_of_parts(self.indent + 2)}{blanks}</{self.tag}>\n"


def directive(name: str, *, one: bool = False, flips: bool = True, default: str | None = None) -> Any:
    """Return the class of a directive, which takes its value.

    Args:
        name: its name.
        one: whether it takes one argument.
        flips: whether backslashes become slashes.
        default: its value where none is given.
    """

    def make(self: Directive, val: Any = default, flipslash: bool | int | None = None) -> None:
        if val is None:
            raise TypeError(f"{name} needs a value")
        Directive.__init__(self, name, val, flipslash)

    members = {"__init__": make, "takes_one": one, "flips": flips, "__doc__": f"The directive {name}."}
    return type(name, (Directive,), {**members, "__module__": "mod_python.httpdconf"})


def section(name: str, *, one: bool = True) -> Any:
    """Return the class of a section, which takes its attribute and the parts in it."""

    def make(self: ContainerTag, attr: str, *args: Part) -> None:
        ContainerTag.__init__(self, name, attr, args)

    members = {"__init__": make, "takes_one": one, "__doc__": f"The section <{name}>."}
    return type(name, (ContainerTag,), {**members, "__module__": "mod_python.httpdconf"})
