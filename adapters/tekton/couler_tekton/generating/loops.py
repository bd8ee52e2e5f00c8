"""Loops over items that stand in the workflow, as a matrix: one list of texts, or a row for each item.

Source: `docs/matrix.md` (with `include` alone, each entry is a combination of its own; 256 are the most by default).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.ir import (
    Argument,
    Axis,
    Literal,
    Loop,
    Native,
    Reference,
    Step,
    Template,
    Value,
    fresh_name,
    references,
)
from couler_tekton.generating.refusing import refuse
from couler_tekton.generating.values import joined, text_of

__all__ = ["matrix"]

MAX_ITEMS = 256
ITEM = "item"


def matrix(step: Step, arguments: Mapping[str, Value]) -> tuple[tuple[Argument, ...], Loop | None]:
    """The arguments of a task, and its matrix, which fills those that take items.

    Args:
        step: the call.
        arguments: what it passes, by name; references to items are still in it.

    Raises:
        Unsupported: the items are not known, or too many, or more than texts.
    """
    if step.loop is None:
        return tuple(Argument(name=name, value=value) for name, value in arguments.items()), None
    items = _items(step, step.loop)
    looped = [name for name, value in arguments.items() if any(item.to == "item" for item in references(value))]
    if not looped:  # a matrix has to fill something
        looped = [fresh_name(ITEM, arguments)]
        arguments = {**arguments, looped[0]: Reference(to="item")}
    rows = [{name: _text(arguments[name], item, step.name) for name in looped} for item in items]
    fixed = tuple(
        Argument(name=name, value=Reference(to="item", kind="parameter", name=name) if name in looped else value)
        for name, value in arguments.items()
    )
    if len(looped) == 1:
        texts = [row[looped[0]] for row in rows]
        return fixed, Loop(combine="product", axes=(Axis(name=looped[0], values=Native.of(texts)),))
    includes = tuple(
        Native.of({"name": f"item-{number}", "params": [{"name": name, "value": row[name]} for name in looped]})
        for number, row in enumerate(rows)
    )
    return fixed, Loop(combine="product", includes=includes)


def _items(step: Step, loop: Loop) -> list[Any]:
    if loop.limit is not None:
        raise refuse("Loop.limit", step.name, "limits how many items are worked on at a time")
    if loop.includes:
        raise refuse("Loop.includes", step.name, "loops over more items than those of its list", "list them all")
    if loop.combine != "rows" or len(loop.axes) != 1:
        raise refuse("Loop.combine", step.name, "counts, or loops over several lists")
    values = loop.axes[0].values
    if not isinstance(values, Native) or any(references(values)) or not isinstance(values.data, list):
        raise refuse("Step.loop", step.name, "loops over a list that only the run knows")
    if not 0 < len(values.data) <= MAX_ITEMS:
        raise refuse("Step.loop", step.name, f"loops over {len(values.data)} items")
    return list(values.data)


def _text(value: Value, item: Any, step: str) -> str:
    """An argument for one item."""
    pieces = value.parts if isinstance(value, Template) else (value,)
    values: list[Value] = []
    for piece in pieces:
        if isinstance(piece, Reference):
            if piece.to != "item":
                raise refuse("Step.loop", step, "joins an item and something that only the run knows", "pass both")
            values.append(Literal(value=text_of(_at(item, piece, step))))
        else:
            values.append(Literal(value=piece) if isinstance(piece, str) else piece)
    whole = joined(values)
    assert isinstance(whole, Literal)
    text = str(whole.value)
    if "$(" in text:
        raise refuse("Step.loop", step, "loops over texts that Tekton may take for variables")
    return text


def _at(item: Any, reference: Reference, step: str) -> Any:
    for key in (*([reference.name] if reference.name else []), *reference.path):
        if not isinstance(item, dict) or key not in item:
            raise refuse("Step.loop", step, f"reads {key!r} of an item that has none")
        item = item[key]
    return item
