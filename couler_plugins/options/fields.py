"""Options: the fields of a frozen dataclass, given as text (in a pipeline, an environment variable, a file)."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union

from couler_plugins.errors import InvalidInput, closest, restating

T = TypeVar("T")

Texts = tuple[str, ...]
"""The value of an option as text: one text, or several for a list."""

_UNITS = {"": 1, "B": 1, **{unit + "B": 1000**n for n, unit in enumerate("kMGTPE", 1)}}
_UNITS |= {unit + "iB": 1024**n for n, unit in enumerate("KMGTPE", 1)} | {"KB": 1000}
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([A-Za-z]*)")
KINDS = {int: "a whole number, such as 3", float: "a number, such as 1.5", bool: "true or false"}
_BOOLS = {**dict.fromkeys(("true", "yes", "on", "1"), True), **dict.fromkeys(("false", "no", "off", "0"), False)}


class Size(int):
    """A number of bytes, written as `1000`, `30GB` (powers of 1000) or `64MiB` (powers of 1024)."""

    @classmethod
    def parse(cls, text: str) -> Size:
        """The size that a text says.

        Raises:
            ValueError: the text is no size.
        """
        match = _SIZE.fullmatch(text.strip())
        if match is None or match[2] not in _UNITS:
            raise ValueError(f"{text!r:.60} is not a size such as 1000, 30GB or 64MiB")
        return cls(float(match[1]) * _UNITS[match[2]] if "." in match[1] else int(match[1]) * _UNITS[match[2]])

    def __str__(self) -> str:
        """The size in the largest unit that holds it exactly, so that it parses to the same number."""
        if not self:
            return "0"
        exact = [unit for unit in _UNITS if unit not in ("B", "kB", "KB") and self % _UNITS[unit] == 0]
        unit = max(exact, key=_UNITS.__getitem__)
        return f"{int(self) // _UNITS[unit]}{unit}"


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: as a user writes it (`max-steps`).
        field: the name of the dataclass's field.
        type: its type.
        default: its default as text; None where it has to be given.
    """

    name: str
    field: str
    type: Any
    default: Texts | None

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return typing.get_origin(_without_none(self.type)) is tuple

    @property
    def is_text(self) -> bool:
        """Whether it is text, or a list of texts, so that a number cannot be meant."""
        wanted = _without_none(self.type)
        return (typing.get_args(wanted)[0] if self.is_list else wanted) is str

    @property
    def form_type(self) -> str:
        """How a form asks for it: `bool`, `int`, `float`, `list` or `text`; what may be `none` is text."""
        if self.is_list:
            return "list"
        plain = {bool: "bool", int: "int", float: "float"}
        return plain.get(self.type, "text")

    @property
    def choices(self) -> tuple[str, ...]:
        """The only values that there are, as text; none where any is one."""
        wanted = _without_none(self.type)
        if typing.get_origin(wanted) is not Literal:
            return ()
        return (*map(str, typing.get_args(wanted)), *(("none",) if wanted is not self.type else ()))

    @property
    def type_text(self) -> str:
        """The type, for a person."""
        return _type_text(self.type)


def options_of(cls: type) -> dict[str, Option]:
    """The options of a dataclass by name, in its order.

    Raises:
        TypeError, NameError: an option's type cannot be given as text, or cannot be found.
    """
    return dict(_options_of(cls))


@functools.cache
def _options_of(cls: type) -> dict[str, Option]:
    hints = typing.get_type_hints(cls)
    options: dict[str, Option] = {}
    for field in dataclasses.fields(cls):
        if not field.metadata.get("option", True):
            continue
        wanted = hints[field.name]
        if not _is_parsable(wanted):
            raise TypeError(f"the option {field.name!r} is a {_type_text(wanted)}, which no text can give")
        default: Texts | None = None
        if field.default is not dataclasses.MISSING:
            default = texts_of(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            default = texts_of(field.default_factory())
        name = field.name.rstrip("_").replace("_", "-")  # `name_`: a class has `name` already
        options[name] = Option(name, field.name, wanted, default)
    return options


def build(cls: type[T], pairs: Iterable[tuple[str, Texts]], owner: str) -> T:
    """An instance of a dataclass from options in text.

    Args:
        cls: the dataclass.
        pairs: the options, by name.
        owner: whose options they are, for errors ("the optimizer 'cache'").

    Raises:
        InvalidInput: an option is unknown, missing, or not what its type says.
    """
    options = options_of(cls)
    values: dict[str, Any] = {}
    for name, texts in pairs:
        if name not in options:
            raise InvalidInput(f"{owner} has no option {name!r}", hint=_unknown_hint(name, options))
        option = options[name]
        hint = f"write {KINDS.get(_without_none(option.type)) or f'{name}={option.type_text}'}"
        with restating(ValueError, f"{owner}, option {name!r}", hint=hint):
            values[option.field] = parse(texts, option.type)
    missing = [option.name for option in options.values() if option.default is None and option.field not in values]
    if missing:
        raise InvalidInput(f"{owner} needs the option {missing[0]!r}", hint=f"write {{{missing[0]}=…}} behind its name")
    with restating((TypeError, ValueError), owner):  # what the class's own __post_init__ says of the values
        return cls(**values)


def parse(texts: Texts, wanted: Any) -> Any:
    """The value of type `wanted` that the texts say.

    Raises:
        ValueError: they do not say one; the message is for the user.
    """
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is tuple:
        return tuple(_parse_one(text, arguments[0]) for text in texts)
    if origin in (Union, types.UnionType):
        return None if texts == ("none",) else parse(texts, _without_none(wanted))
    if len(texts) != 1:
        raise ValueError(f"expected one value, not {len(texts)}")
    return _parse_one(texts[0], wanted)


def texts_of(value: Any) -> Texts:
    """The texts that `parse` makes the value of again."""
    if isinstance(value, tuple):
        return tuple(text for item in value for text in texts_of(item))
    if value is None or isinstance(value, bool):
        return (str(value).lower(),)
    return (str(value),)


def check_range(name: str, value: float | None, low: float, high: float = math.inf) -> None:
    """Checks an option's value in a class's own `__post_init__`; None is in every range.

    Raises:
        ValueError: it is below `low` or above `high`.
    """
    if value is not None and not low <= value <= high:
        limits = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{name!r} is {value:g}, and has to be {limits}")


def _unknown_hint(name: str, options: Mapping[str, Option]) -> str:
    allowed = f"its options are {', '.join(options)}" if options else "it has no options"
    return " ".join(part for part in (closest(name, options), allowed) if part)


def _parse_one(text: str, wanted: Any) -> Any:
    if wanted is str:
        return text
    if typing.get_origin(wanted) is Literal:
        for choice in typing.get_args(wanted):
            if text == str(choice):
                return choice
        choices = [str(choice) for choice in typing.get_args(wanted)]
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}; {closest(text, choices)}".removesuffix("; "))
    if wanted is bool:
        if text.lower() not in _BOOLS:
            raise ValueError(f"{text!r} is neither true nor false")
        return _BOOLS[text.lower()]
    if hasattr(wanted, "parse"):
        return wanted.parse(text)
    try:
        value = wanted(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not {'a whole number' if wanted is int else 'a number'}") from None
    if wanted is float and math.isnan(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def _without_none(wanted: Any) -> Any:
    """`X` for `X | None`, else the type itself."""
    if typing.get_origin(wanted) not in (Union, types.UnionType):
        return wanted
    return next(argument for argument in typing.get_args(wanted) if argument is not types.NoneType)


def _is_parsable(wanted: Any) -> bool:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is tuple:
        return len(arguments) == 2 and arguments[1] is Ellipsis and _is_parsable(arguments[0])
    if origin in (Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not types.NoneType]
        return len(inner) == 1 and len(arguments) == 2 and _is_parsable(inner[0])
    return origin is Literal or wanted in (str, int, float, bool) or hasattr(wanted, "parse")


def _type_text(wanted: Any) -> str:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is Literal:
        return "|".join(str(choice) for choice in arguments)
    if origin is tuple:
        return f"{_type_text(arguments[0])}…"
    if origin in (Union, types.UnionType):
        return " or ".join("none" if inner is types.NoneType else _type_text(inner) for inner in arguments)
    return getattr(wanted, "__name__", str(wanted)).lower()  # int, str, size, …
