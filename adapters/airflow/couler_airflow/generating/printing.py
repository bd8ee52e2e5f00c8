"""Python source from data: literals are written by `repr` alone, so that no text of a workflow becomes code."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Call", "Name", "Node", "identifier", "printed"]

WIDTH = 110
INDENT = "    "


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
    flat = _flat(node)
    if flat is not None and len(indent) + len(flat) <= width:
        return flat
    inner = indent + INDENT
    match node:
        case Call():
            items = [printed(argument, inner) for argument in node.arguments]
            items += [f"{name}={printed(argument, inner)}" for name, argument in node.keywords.items()]
            before = "" if node.of is None else printed(node.of, indent) + ("." if node.function else "")
            return _block(f"{before}{node.function}(", items, ")", indent)
        case dict() if node:
            items = [f"{printed(key, inner)}: {printed(item, inner)}" for key, item in node.items()]
            return _block("{", items, "}", indent)
        case list() if node:
            return _block("[", [printed(item, inner) for item in node], "]", indent)
        case tuple() if node:
            return _block("(", [printed(item, inner) for item in node], ")", indent)
        case str() if "\n" in node[:-1]:
            return f"(\n{''.join(f'{inner}{line!r}{chr(10)}' for line in node.splitlines(keepends=True))}{indent})"
    return flat if flat is not None else repr(node)


def _flat(node: Node) -> str | None:
    """The source on one line; None where a text in it has several lines."""
    match node:
        case Name():
            return node.code
        case str():
            return None if "\n" in node[:-1] else repr(node)
        case None | bool() | int() | float():
            return repr(node)
        case Call():
            items = [_flat(argument) for argument in node.arguments]
            named = [(name, _flat(argument)) for name, argument in node.keywords.items()]
            before = "" if node.of is None else _flat(node.of)
            if before is None or None in items or any(item is None for _, item in named):
                return None
            before += "." if before and node.function else ""
            return (
                f"{before}{node.function}({', '.join([*map(str, items), *(f'{name}={item}' for name, item in named)])})"
            )
        case dict():
            pairs = [(_flat(key), _flat(item)) for key, item in node.items()]
            return None if any(None in pair for pair in pairs) else f"{{{', '.join(f'{k}: {v}' for k, v in pairs)}}}"
        case list() | tuple():
            items = [_flat(item) for item in node]
            if None in items:
                return None
            inner = ", ".join(map(str, items))
            return f"[{inner}]" if isinstance(node, list) else f"({inner}{',' if len(items) == 1 else ''})"
    raise TypeError(f"{type(node).__name__} cannot be written as Python")


def _block(opening: str, items: list[str], closing: str, indent: str) -> str:
    lines = "".join(f"{indent}{INDENT}{item},\n" for item in items)
    return f"{opening}\n{lines}{indent}{closing}"


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
