"""Matrices: loops over the combinations of texts, or over one list that only the run knows.

Source: `docs/matrix.md`, `pkg/apis/pipeline/v1/matrix_types.go` (FanOut; the first parameter varies fastest).
"""

from __future__ import annotations

import itertools
import json
from math import prod
from typing import Any

from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.tables import StepSite
from couler_plugins.engine_kit.legalize.values import data_of
from couler_plugins.ir import (
    Argument,
    Axis,
    Graph,
    Literal,
    Loop,
    Native,
    Operation,
    Reference,
    Step,
    Value,
    replace,
)

MAX_ITEMS = 256


def is_item(value: Value) -> bool:
    """Return whether this is an item of a matrix."""
    return isinstance(value, Reference) and value.to == "item"


def _items(axis: Axis) -> list[str]:
    """Return the items of an axis; none where only the run knows them."""
    is_known = isinstance(axis.values, Native) and isinstance(axis.values.parts[0], str)
    data = data_of(axis.values) if is_known else None  # type: ignore[arg-type]
    return data if isinstance(data, list) and all(isinstance(item, str) for item in data) else []


def _axes(site: StepSite) -> tuple[Axis, ...]:
    return site.step.loop.axes if site.step.loop is not None else ()


def _single(loop: Loop | None) -> Reference | None:
    """Return the only list of a loop, where just the run knows what is in it."""
    values = loop.axes[0].values if loop is not None and len(loop.axes) == 1 and not loop.includes else None
    (first, *others) = values.parts if isinstance(values, Native) else ("",)
    return first if isinstance(first, Reference) and not others else None


def combinations(step: Step, callee: Graph | Operation | None) -> list[dict[str, str]] | None:
    """Return what a task is given in each of its runs; None where some of it is not known."""
    loop = step.loop
    assert loop is not None
    further = [data_of(item) for item in loop.includes]
    included = [{one["name"]: one["value"] for one in item.get("params", ())} for item in further]
    names = [axis.name for axis in loop.axes]
    rows = (
        [dict(zip(names, row[::-1], strict=True)) for row in itertools.product(*map(_items, reversed(loop.axes)))]
        if names
        else []
    )
    if not names:
        rows = included
    else:
        for row, more in itertools.product(rows, included):
            if all(row.get(name, text) == text for name, text in more.items()):
                row.update(more)
        for more in included:
            if more and not any(row.get(name) == text for row in rows for name, text in more.items()):
                rows.append(more)
    usual = {port.name: port.default for port in (callee.inputs if callee is not None else ())}
    for name in dict.fromkeys(name for row in rows for name in row):
        default = usual.get(name)
        for row in rows:
            if name not in row:
                if not isinstance(default, Literal):
                    return None
                row[name] = str(default.value)
    return rows if all(isinstance(text, str) for row in rows for text in row.values()) else None


def _rows(site: StepSite) -> list[dict[str, str]]:
    return (combinations(site.step, site.callee) or []) if site.step.loop is not None else []


LOOPS = (
    Rule(
        "Loop.includes",
        "has combinations in its matrix that lack a parameter, or that are only known at run time",
        lambda site: (
            site.step.loop is not None and site.step.loop.includes and combinations(site.step, site.callee) is None
        ),
        "list them all",
    ),
    Rule(
        "Loop.axes",
        "loops over {!r}, which is only known at run time",
        lambda site: (
            [] if _single(site.step.loop) is not None else [axis.name for axis in _axes(site) if not _items(axis)]
        ),
        "list the items in the matrix itself",
    ),
    Rule(
        "Loop.axes",
        f"loops over more than {MAX_ITEMS} combinations",
        lambda site: prod(len(_items(axis)) for axis in _axes(site)) > MAX_ITEMS,
    ),
    Rule(
        "Loop.axes",
        "loops over texts with quotes, backslashes or newlines",
        lambda site: "\\" in json.dumps(_rows(site), ensure_ascii=False),
        "leave quotes, backslashes and newlines out of the items",
    ),
)


def with_loop(step: Step, callee: Graph | Operation) -> tuple[Loop | None, tuple[Argument, ...]]:
    """Return the loop over the combinations of a matrix, and what the task is given."""
    if step.loop is None:
        return None, step.arguments
    values = _single(step.loop)
    rows = [] if values is not None else combinations(step, callee) or []
    names = list(rows[0]) if rows else [axis.name for axis in step.loop.axes]
    single = len(names) == 1
    items: list[Any] = [row[names[0]] if single else row for row in rows]
    own = {item.name for item in step.arguments}
    arguments = tuple(
        replace(item, value=Reference(to="item", name="" if single else item.name)) if is_item(item.value) else item
        for item in (
            *step.arguments,
            *(Argument(name=name, value=Reference(to="item")) for name in names if name not in own),
        )
    )
    return Loop(axes=(Axis(name="item", values=Native.of(items) if values is None else values),)), arguments
