"""Python source from data, and the names in it.

Literals are written by `repr` alone, so that no text of a workflow becomes code. Ids of tasks and groups have letters,
digits, - and _, and no two are alike.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH = 110
INDENT = "    "
OTHER = re.compile(r"[^A-Za-z0-9_-]+")
MAX = 250
"""Of an id with those of the groups around it (`airflow.utils.helpers.validate_key`)."""
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@dataclass(frozen=True)
class Name:
    """A name, or an expression of names, that the generator itself chose."""

    code: str


@dataclass(frozen=True)
class Call:
    """A call of something that the generator itself chose: a function, or (with `of`) a method of what a call gives.

    Without a name it is a call of what `of` gives.
    """

    function: str
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    of: Call | None = None


Node = Any
"""A constant, a list, tuple or mapping of nodes, a `Name` or a `Call`."""


def printed(node: Node, indent: str = "", width: int = WIDTH) -> str:
    """The source of a node, whose first line begins behind `indent` and something else."""
    flat = _laid_out(node, None)
    return flat if "\n" not in flat and len(indent) + len(flat) <= width else _laid_out(node, indent)


def _laid_out(node: Node, indent: str | None) -> str:
    """The source of a node: each of its items on a line, or without an `indent` all of it on one.

    A text that has several lines is a line break there.
    """

    def write(item: Node) -> str:
        return _laid_out(item, None) if indent is None else printed(item, indent + INDENT)

    match node:
        case Name():
            return node.code
        case Call():
            before = "" if node.of is None else _laid_out(node.of, None) if indent is None else printed(node.of, indent)
            opening = f"{before}{'.' if before and node.function else ''}{node.function}("
            items = [*map(write, node.arguments), *(f"{name}={write(item)}" for name, item in node.keywords.items())]
            return _block(opening, items, ")", indent)
        case dict():
            return _block("{", [f"{write(key)}: {write(item)}" for key, item in node.items()], "}", indent)
        case list():
            return _block("[", [*map(write, node)], "]", indent)
        case tuple():
            only = "," if indent is None and len(node) == 1 else ""
            return _block("(", [*map(write, node)], f"{only})", indent)
        case str() if "\n" in node[:-1] and indent is None:
            return "\n"
        case str() if "\n" in node[:-1]:
            lines = "".join(f"{indent}{INDENT}{line!r}\n" for line in node.splitlines(keepends=True))
            return f"(\n{lines}{indent})"
        case None | bool() | int() | float() | str():
            return repr(node)
    raise TypeError(f"{type(node).__name__} cannot be written as Python")


def _block(opening: str, items: list[str], closing: str, indent: str | None) -> str:
    if indent is None or not (items or len(opening) > 1):
        return f"{opening}{', '.join(items)}{closing}"
    lines = "".join(f"{indent}{INDENT}{item},\n" for item in items)
    return f"{opening}\n{lines}{indent}{closing}"


def nodes_of(node: Node) -> Iterator[Node]:
    """A node and all nodes in it."""
    yield node
    inner: Iterable[Node] = ()
    match node:
        case Call():
            inner = (node.of, *node.arguments, *node.keywords.values())
        case dict():
            inner = node.values()
        case list() | tuple():
            inner = node
    for item in inner:
        yield from nodes_of(item)


def expanded(partial: Call, runs: Sequence[Mapping[str, Node]], names: Sequence[str]) -> Call:
    """An operator that is mapped over the fields of these names, which differ from run to run."""
    if len(names) == 1:
        return Call("expand", (), {names[0]: [run[names[0]] for run in runs]}, partial)
    return Call("expand_kwargs", ([{name: run[name] for name in names} for run in runs],), {}, partial)


def timedelta_of(text: str) -> Call | None:
    """A duration, from a number of seconds or from Go's notation (`1h30m`); None for what is neither."""
    text = f"{text}s" if re.fullmatch(r"\d+(\.\d+)?", text) else text
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s)", text)
    if not parts or "".join(map("".join, parts)) != text:
        return None
    seconds = sum((float(number) * UNITS[unit] for number, unit in parts), 0.0)
    return Call("timedelta", (), {"seconds": int(seconds) if seconds.is_integer() else seconds})


def identifier(text: str, names: Collection[str]) -> str:
    """A name of Python for something that is called `text`, which is none of these names."""
    plain = re.sub(r"\W+", "_", text.lower(), flags=re.ASCII).strip("_") or "task"
    plain = plain[:60]
    if not plain[0].isalpha() or keyword.iskeyword(plain) or keyword.issoftkeyword(plain):
        plain = f"task_{plain}"
    name, number = plain, 1
    while name in names:
        number += 1
        name = f"{plain}_{number}"
    return name


def plain(name: str) -> str:
    """The name without what no id may have, and not too long."""
    result = OTHER.sub("_", name) or "_"
    return result if len(result) <= MAX else f"{result[: MAX - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


class Ids:
    """Gives each place an id within the group around it."""

    def __init__(self) -> None:
        self._own: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()

    def of(self, place: tuple[str, ...]) -> str:
        """The whole id of what stands at a place, the same at each call; those of groups around come first."""
        if not place:
            return ""
        if place not in self._own:
            around = self.of(place[:-1])
            wanted = plain(place[-1])
            own = self._whole(around, wanted)
            number = 1
            while own in self._taken:
                number += 1
                own = self._whole(around, f"{wanted}-{number}")
            self._taken.add(own)
            self._own[place] = own
        return self._own[place]

    @staticmethod
    def _whole(around: str, own: str) -> str:
        room = MAX - len(around) - 1 if around else MAX
        short = own if len(own) <= room else f"{own[: max(room - 9, 0)]}-{hashlib.sha256(own.encode()).hexdigest()[:8]}"
        return f"{around}.{short}" if around else short
