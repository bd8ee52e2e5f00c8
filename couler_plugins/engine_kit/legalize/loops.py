"""Loops over what is known beforehand, as loops over one list: counts, combinations of lists, and lists in texts.

Source: Argo's `workflow/controller/operator.go` (`expandSequence`).
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from couler_plugins.ir import Axis, Literal, Loop, Native, Step, references, replace

FORMAT = re.compile(r"[^%]*%0?\d*[doxX][^%]*")
MOST = 1000
"""So many items are listed."""


def with_items(step: Step) -> Step:
    """Return a step whose loop is over one list, where what it loops over is known; the same one elsewhere."""
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
    match axis.values:
        case Literal(value=text):
            pass
        case Native() as native if not any(references(native)):
            text = native.data
        case _:
            return None
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
    lists: list[Any] = [
        axis.values.data if isinstance(axis.values, Native) and not any(references(axis.values)) else None
        for axis in loop.axes
    ]
    if not loop.axes or loop.combine not in ("product", "zip") or not all(isinstance(item, list) for item in lists):
        return None
    rows = itertools.product(*lists) if loop.combine == "product" else zip(*lists, strict=False)
    names = [axis.name for axis in loop.axes]
    items = [dict(zip(names, row, strict=True)) for row in itertools.islice(rows, MOST + 1)]
    return items or None
