"""Writes the reference of the IR's types, from their docstrings."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import get_args

import msgspec

from couler_plugins import ir
from couler_plugins.ir import needs, ports, values, workflow

__all__ = ["page"]

HEAD = """\
# IR reference

This page is made by `python3 dev.py docs`, from the docstrings of `couler_plugins.ir`.

An optimizer gets workflows as values of these types (`from couler_plugins import ir`). They are immutable and hashable:
`ir.replace(step, timeout=ir.Literal(value=60))` returns a changed copy. `source` and `native` do not count when two
values are compared. [The tutorial](tutorial.md) shows an optimizer, and [the JSON schema](../schema/couler.ir-v0.json)
the same types as JSON.
"""
SECTIONS = {
    "Workflows, graphs and steps": workflow,
    "Inputs, outputs, loops and containers": ports,
    "Dependencies": needs,
    "Values": values,
}
UNIONS = ("Callee", "Needs", "Value", "Scalar", "PortKind")
ENTRY = re.compile(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", re.MULTILINE)
"""One entry of the Attributes section of a docstring: a name, or several with commas, and the text."""


def page() -> str:
    """Every type of the IR with its fields."""
    lines = [HEAD, "These names stand for several types:", ""]
    lines += ["| name | one of |", "| --- | --- |"]
    lines += [f"| `{name}` | {', '.join(map(_type_name, get_args(getattr(ir, name))))} |" for name in UNIONS]
    for title, module in SECTIONS.items():
        lines += ["", f"## {title}"]
        for cls in reversed(vars(module).values()):  # what others are part of comes last there
            if inspect.isclass(cls) and issubclass(cls, ir.Node) and cls.__module__ == module.__name__:
                lines += _of_node(cls)
    return "\n".join(lines) + "\n"


def _type_name(kind: object) -> str:
    name = getattr(kind, "__name__", None) or json.dumps(kind)
    return f"`{'None' if name == 'NoneType' else name}`"


def _of_node(cls: type[ir.Node]) -> Iterator[str]:
    """A section on one type."""
    about = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[0].strip()
    meanings = {
        name: " ".join(text.split())
        for base in reversed(cls.__mro__)
        for names, text in ENTRY.findall(inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2])
        for name in names.split(", ")
    }
    types = {
        name: kind for base in reversed(cls.__mro__) for name, kind in vars(base).get("__annotations__", {}).items()
    }
    yield from ("", f"### {cls.__name__}", "", about, "")
    yield from ("| field | type | default | what it is |", "| --- | --- | --- | --- |")
    for item in msgspec.structs.fields(cls):
        kind = types[item.name].replace("OneOf[", "Literal[").replace("|", "\\|")
        default = "needed" if item.required else f"`{item.default!r}`"
        yield f"| `{item.name}` | `{kind}` | {default} | {meanings[item.name]} |"
