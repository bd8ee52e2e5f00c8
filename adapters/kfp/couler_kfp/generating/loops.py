"""Loops over lists that are known beforehand, as loops over one list: counts, and combinations of several lists.

Source: Argo's `workflow/controller/operator.go` (`expandSequence`).
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from couler_plugins.ir import (
    Axis,
    Graph,
    Literal,
    Loop,
    Native,
    Reference,
    Step,
    Workflow,
    map_steps,
    references,
    replace,
)

FORMAT = re.compile(r"[^%]*%0?\d*[doxX][^%]*")
MOST = 1000
"""So many items are listed."""


def unrolled(workflow: Workflow) -> Workflow:
    """Return a workflow whose loops are over one list each, as far as their items are known."""
    limited = replace(workflow, graphs=tuple(map(_with_limit, workflow.graphs)))
    return map_steps(limited, _unrolled)


def _unrolled(step: Step) -> Step:
    loop = step.loop
    if loop is None:
        return step
    items = _counted(loop) if loop.combine == "sequence" else _combined(loop)
    if loop.combine == "rows" and len(loop.axes) == 1:
        items = _listed(loop.axes[0])
    if items is None or len(items) > MOST:
        return step
    return replace(step, loop=replace(loop, combine="rows", axes=(Axis(name="item", values=Native.of(items)),)))


def _listed(axis: Axis) -> list[Any] | None:
    """Return the items of a list that stands there as a text."""
    text = axis.values.value if isinstance(axis.values, Literal) else None
    try:
        items = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return items if isinstance(items, list) and items else None


def _counted(loop: Loop) -> list[Any] | None:
    values = loop.axes[0].values
    if not isinstance(values, Native) or any(references(values)):
        return None
    said = {key: content for key, content in values.data.items() if content is not None}
    form = said.pop("format", "%d")
    numbers = {key: _whole(content) for key, content in said.items()}
    if None in numbers.values() or not isinstance(form, str) or not FORMAT.fullmatch(form):
        return None
    match numbers:
        case {"count": int(count), **others} if not others.keys() - {"start"}:
            start = others.get("start") or 0
            span = range(start, start + count)
        case {"end": int(end), **others} if not others.keys() - {"start"}:
            start = others.get("start") or 0
            span = range(start, end + 1) if start <= end else range(start, end - 1, -1)
        case _:
            return None
    return [form % number for number in span] if 0 < len(span) <= MOST else None


def _whole(content: Any) -> int | None:
    return int(content) if re.fullmatch(r"-?\d+", str(content)) else None


def _combined(loop: Loop) -> list[Any] | None:
    lists = [
        axis.values.data if isinstance(axis.values, Native) and not any(references(axis.values)) else None
        for axis in loop.axes
    ]
    if not loop.axes or loop.combine not in ("product", "zip") or not all(isinstance(item, list) for item in lists):
        return None
    rows = itertools.product(*lists) if loop.combine == "product" else zip(*lists, strict=False)
    names = [axis.name for axis in loop.axes]
    items = [dict(zip(names, row, strict=True)) for row in itertools.islice(rows, MOST + 1)]
    return items or None


def _with_limit(graph: Graph) -> Graph:
    """Return a graph of one loop that says itself how many of its runs go on at a time."""
    if graph.parallelism is None or len(graph.steps) != 1 or graph.steps[0].loop is None:
        return graph
    (step,) = graph.steps
    loop = step.loop
    if loop.limit is not None or not isinstance(graph.parallelism, Literal):
        return graph
    return replace(graph, parallelism=None, steps=(replace(step, loop=replace(loop, limit=graph.parallelism)),))


def is_item_of_list(reference: Reference) -> bool:
    """Return whether this is the item of a loop, or a part of it."""
    return reference.to == "item"
