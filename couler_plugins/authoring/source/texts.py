"""Values as Python expressions: constants, what other steps give, and texts with such in them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Literal, Native, Reference, Template, Value, fresh_name

Written = Callable[[int], str]
"""Gives source by how far its lines are from the left."""
Reading = Callable[[Reference], str]
"""Gives the expression for what a reference stands for."""
OTHER = re.compile(r"\W")
UNQUOTED = re.compile(r'"""|\\|[^\n\x20-\x7e\xa0-\U0010ffff]')
"""What cannot stand in three quotes as it is."""
WIDTH = 110


def refused(subject: str, reason: str) -> Unsupported:
    """The error for what the unified interface has no words for."""
    hint = "write it as a file of the IR, or for an engine"
    return Unsupported(f"{subject!r} {reason}", engine="couler", step=subject, feature="to_python", hint=hint)


def identifier(name: str, names: Collection[str]) -> str:
    """A variable for something of this name."""
    result = OTHER.sub("_", name) or "_"
    result = f"_{result}" if result[0].isdigit() or keyword.iskeyword(result) else result
    return fresh_name(result.replace("-", "_"), names).replace("-", "_")


def constant(data: Any) -> str:
    """Data as Python writes it; texts of several lines in three quotes, where that is the same text."""
    match data:
        case str():
            return _quoted(data)
        case list():
            return f"[{', '.join(map(constant, data))}]"
        case tuple():
            return f"({', '.join(map(constant, data))}{',' if len(data) == 1 else ''})"
        case dict():
            return f"{{{', '.join(f'{constant(key)}: {constant(value)}' for key, value in data.items())}}}"
    return repr(data)


def _quoted(text: str) -> str:
    if UNQUOTED.search(text) or ("\n" not in text and '"' in text):
        return repr(text)
    if "\n" not in text:
        return f'"{text}"'
    return f'"""\\\n{text}"""' if text.endswith("\n") else repr(text)


def expression(value: Value, read: Reading, subject: str) -> str:
    """A value as an expression.

    Args:
        value: the value.
        read: what its references stand for.
        subject: whose it is, for errors.

    Raises:
        Unsupported: it is computed by an engine.
    """
    match value:
        case Literal(value=data):
            return constant(data)
        case Reference():
            return read(value)
        case Native(parts=(str(),)):
            return constant(value.data)
        case Template(parts=parts) if all(isinstance(part, (str, Reference)) for part in parts):
            return _joined(parts, read)
    raise refused(subject, "holds what only an engine computes")


def _joined(parts: Iterable[Any], read: Reading) -> str:
    """A text with values of the run in it."""
    pieces = [part if isinstance(part, str) else read(part) for part in parts]
    names = [piece for piece, part in zip(pieces, parts, strict=True) if not isinstance(part, str)]
    if all(name.isidentifier() for name in names):
        text = "".join(
            _braced(piece) if isinstance(part, str) else f"{{{piece}}}"
            for piece, part in zip(pieces, parts, strict=True)
        )
        return f"f{constant(text)}"
    text = "".join(_braced(piece) if isinstance(part, str) else "{}" for piece, part in zip(pieces, parts, strict=True))
    return f"{constant(text)}.format({', '.join(names)})"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def written(before: str, parts: Sequence[str | Written], behind: str) -> Written:
    """What stands in brackets: on one line where it fits, else a line for each part.

    Args:
        before: what comes first, the opening bracket included.
        parts: what is in the brackets.
        behind: the closing bracket.
    """

    def at(indent: int) -> str:
        line = f"{before}{', '.join(_at(part, indent) for part in parts)}{behind}"
        if len(line) + indent <= WIDTH and "\n" not in line:
            return line
        inner = "".join(f"{' ' * (indent + 4)}{_at(part, indent + 4)},\n" for part in parts)
        return f"{before}\n{inner}{' ' * indent}{behind}"

    return at


def behind(prefix: str, part: str | Written) -> Written:
    """The same with something in front of it."""
    return lambda indent: f"{prefix}{_at(part, indent)}"


def call(function: str, arguments: Mapping[str, str | Written]) -> Written:
    """A call with these arguments by name."""
    return written(f"{function}(", [behind(f"{name}=", value) for name, value in arguments.items()], ")")


def _at(part: str | Written, indent: int) -> str:
    return part if isinstance(part, str) else part(indent)
