"""The items of a loop, where they stand in the workflow: lists, lists as JSON text, and counts.

Sources: Argo's `workflow/controller` (`expandStep`, `expandSequence`) and docs/walk-through/loops.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from couler_airflow.generating.texts import Scope, Text, constant, data_text, map_data, resolve, resolve_data
from couler_airflow.legal import refusal
from couler_plugins.ir import Loop, Native, Step

__all__ = ["items_of", "listed_by_the_run"]

MAX_ITEMS = 1000
PERCENT = re.compile(r"%(0?)(\d{0,2})([dxXo])")


def listed_by_the_run(step: Step, scope: Scope) -> Text | None:
    """The list that a step loops over, as JSON text, where only the run knows it; None where it is known."""
    loop = step.loop
    if loop is None or loop.combine != "rows" or isinstance(loop.axes[0].values, Native):
        return None
    text = resolve(loop.axes[0].values, scope, step.name)
    return text if constant(text) is None else None


def items_of(step: Step, scope: Scope) -> Sequence[Any]:
    """The items that a step runs for; one None where it does not loop.

    Raises:
        Unsupported: only the run knows them, or there are none, or too many.
    """
    loop = step.loop
    if loop is None:
        return [None]
    items = _sequence(step, loop, scope) if loop.combine == "sequence" else _rows(step, loop, scope)
    if not 0 < len(items) <= MAX_ITEMS:
        hint = f"Airflow skips a task without items, and {MAX_ITEMS} are the most that are written out"
        raise refusal("Step.loop", step.name, f"loops over {len(items)} items", hint)
    return items


def _rows(step: Step, loop: Loop, scope: Scope) -> list[Any]:
    values = loop.axes[0].values
    if isinstance(values, Native):
        data = resolve_data(values, scope, step.name)
    else:
        text = constant(resolve(values, scope, step.name))
        if text is None:
            raise refusal("Step.loop", step.name, "loops over a list that only the run knows")
        try:
            data = map_data(json.loads(text), lambda item: (item,) if isinstance(item, str) else item)
        except (ValueError, RecursionError):
            data = None
    if not isinstance(data, list):
        raise refusal("Step.loop", step.name, "loops over what is no list")
    return data


def _sequence(step: Step, loop: Loop, scope: Scope) -> list[Any]:
    values = loop.axes[0].values
    sequence = resolve_data(values, scope, step.name) if isinstance(values, Native) else None
    if not isinstance(sequence, dict) or sequence.keys() - {"count", "start", "end", "format"}:
        raise refusal("Loop.axes", step.name, "counts in a way that is not known here")
    start = _number(step, sequence, "start", 0)
    if "count" in sequence:
        count = _number(step, sequence, "count", 0)
        numbers = range(start, start + min(count, MAX_ITEMS + 1))
    else:
        end = _number(step, sequence, "end", 0)
        numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    pattern = sequence.get("format", ())
    text = constant(pattern) if isinstance(pattern, tuple) else None
    if text is None or (text and len(PERCENT.findall(text)) != 1) or text.count("%") > 1:
        raise refusal("Loop.axes", step.name, "formats its numbers in a way that is not known here")
    return [(text % number if text else str(number),) for number in numbers[: MAX_ITEMS + 1]]


def _number(step: Step, sequence: Mapping[str, Any], key: str, usual: int) -> int:
    try:
        return int(data_text(sequence.get(key, usual)) or "")
    except ValueError:
        raise refusal("Step.loop", step.name, f"counts from or to a {key} that only the run knows") from None
