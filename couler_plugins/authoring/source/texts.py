"""Values as Python expressions: constants, what other steps give, texts, conditions, and loops."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Expression, Literal, Native, Reference, Step, Template, Value, fresh_name, references

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


NAMES = {
    "==": "equal",
    "!=": "not_equal",
    ">": "bigger",
    "<": "smaller",
    ">=": "bigger_equal",
    "<=": "smaller_equal",
}
MARK = "\ue000"
CEL = re.compile(rf"""\s*{MARK}(\d+){MARK} (==|!=) (?:{MARK}(\d+){MARK}|'([^']*)'|("(?:[^"\\]|\\.)*"))\s*""")
PLAIN = re.compile(rf"""\s*('?){MARK}(\d+){MARK}\1 (==|!=|>=|<=|>|<) ('?)(?:{MARK}(\d+){MARK}|([^'&|\s]+))\4\s*""")


class Tested(NamedTuple):
    """One comparison: of what, how, and with what."""

    left: Reference
    operator: str
    right: Reference | str


def asked_of(condition: Value | None, subject: str) -> list[Tested]:
    """What has to hold, all of it.

    Raises:
        Unsupported: it is more than comparisons that the interface has predicates for.
    """
    if condition is None:
        return []
    if not isinstance(condition, (Expression, Template)):
        raise refused(subject, "has a condition that is no comparison")
    read = [part for part in condition.parts if isinstance(part, Reference)]
    numbers = iter(range(len(read)))
    if len(read) + sum(isinstance(part, str) for part in condition.parts) != len(condition.parts):
        raise refused(subject, "has a condition with a text that is put together")
    text = "".join(part if isinstance(part, str) else f"{MARK}{next(numbers)}{MARK}" for part in condition.parts)
    is_cel = isinstance(condition, Expression)
    return [_asked(piece, read, subject, is_cel=is_cel) for piece in text.split(" && ")]


def _asked(text: str, read: list[Reference], subject: str, *, is_cel: bool) -> Tested:
    match = (CEL if is_cel else PLAIN).fullmatch(text)
    if match is None:
        raise refused(subject, "has a condition that is more than comparisons with constants")
    if is_cel:
        left, operator, other, plain, quoted = match.groups()
        right = json.loads(quoted) if quoted is not None else plain
    else:
        _, left, operator, _, other, right = match.groups()
    return Tested(read[int(left)], operator, read[int(other)] if other is not None else right)


def predicate(comparison: Tested, read: Reading, *, of_itself: bool = False) -> str:
    """The comparison as Python; `of_itself` leaves out what a loop's own step gives."""
    right = read(comparison.right) if isinstance(comparison.right, Reference) else constant(comparison.right)
    left = "" if of_itself else f"{read(comparison.left)}, "
    return f"couler.{NAMES[comparison.operator]}({left}{right})"


class Items(NamedTuple):
    """A loop as Python.

    Attributes:
        parameters: of the function.
        values: what stands for an item, by key.
        lists: what it goes over.
    """

    parameters: str
    values: Mapping[str, str]
    lists: list[str]


def items_of(step: Step, read: Reading, around: Set[str]) -> Items:
    """The loop of a step.

    Args:
        step: the step.
        read: what stands for what it reads.
        around: what stands for items and inputs around it, which none of its own may hide.

    Raises:
        Unsupported: it is none that `map` writes.
    """
    item = fresh_name("item", [name.partition("[")[0] for name in around]).replace("-", "_")
    loop = step.loop
    assert loop is not None
    if loop.combine != "rows" or len(loop.axes) != 1 or loop.limit is not None or loop.includes:
        raise refused(step.name, "loops otherwise than over the items of one list")
    values = loop.axes[0].values
    if not isinstance(values, Native):
        return Items(item, {"": item}, [expression(values, read, step.name)])
    items = json.loads("".join(str(part) for part in values.parts))
    keys = keys_of(step)
    if not keys:
        return Items(item, {"": item}, [constant(items)])
    if not around.isdisjoint(keys):
        raise refused(step.name, "names the values of its items as a loop around it does")
    lists = [constant([row[key] for row in items]) for key in keys]
    if all(key.isidentifier() for key in keys):
        return Items(", ".join(keys), {key: key for key in keys}, lists)
    return Items(f"*{item}", {key: f"{item}[{number}]" for number, key in enumerate(keys)}, lists)


def keys_of(step: Step) -> list[str]:
    """The keys of a loop's items, where they are mappings."""
    values = step.loop.axes[0].values if step.loop is not None and step.loop.axes else None
    if not isinstance(values, Native) or any(references(values)):
        return []
    items = json.loads("".join(str(part) for part in values.parts))
    return list(items[0]) if isinstance(items, list) and items and isinstance(items[0], dict) else []
