"""Loops over what is known beforehand, as lists of their items; and inputs that only ever get one constant.

Source: `expandSequence` and `processItem` in `workflow/controller/steps.go`: items of a sequence are texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.ir import (
    Axis,
    Call,
    CallSite,
    Graph,
    Literal,
    Loop,
    Native,
    Operation,
    Reference,
    Value,
    Workflow,
    callables,
    calls_by_callee,
    map_call_sites,
    references,
    replace,
)

FORMAT = re.compile(r"[^%]*%0?\d*[dxXo][^%]*")
"""A format of Go that means the same in Python."""
MOST = 1000
"""So many items are written out."""
Constants = Mapping[tuple[str, str], Literal]
"""What an input always gets, by its graph or operation, and its name."""


def with_items(workflow: Workflow) -> Workflow:
    """Return a workflow with the items of each loop whose count or list is known."""
    constant = constants(workflow)

    def changed(site: CallSite) -> Any:
        loop = site.step.loop
        if loop is None or len(loop.axes) != 1:
            return site.step
        items = _items(loop, site.graph.name if site.graph is not None else "", constant)
        if not items:
            return site.step
        axis = Axis(name=loop.axes[0].name, values=Native.of(items))
        return replace(site.step, loop=Loop(axes=(axis,), limit=loop.limit))

    return map_call_sites(workflow, changed)


def constants(workflow: Workflow) -> Constants:
    """Return the inputs that get the same constant wherever their graph or operation is called.

    What a run starts with, or ends with, is given parameters by whoever submits it.
    """
    by_callee = calls_by_callee(workflow)
    outer = [workflow.entry, *(handler.step for handler in workflow.handlers)]
    started = {step.call.name for step in outer if step is not None and isinstance(step.call, Call)}
    constant: dict[tuple[str, str], Literal] = {}
    for name, item in callables(workflow).items():
        for port in item.inputs if name not in started and not workflow.library else ():
            values = {value_of(item, port.name, site) for site in by_callee.get(name, ())}
            if port.kind == "parameter" and port.origin is None and len(values) == 1:
                (value,) = values
                if isinstance(value, Literal):
                    constant[name, port.name] = value
    return constant


def value_of(item: Graph | Operation, name: str, site: CallSite) -> Value | None:
    """Return what an input gets at a call."""
    for argument in site.step.arguments:
        if argument.name == name and argument.kind == "parameter":
            return argument.value
    ports = (port for port in item.inputs if port.name == name and port.kind == "parameter")
    return next((port.value if port.value is not None else port.default for port in ports), None)


def _items(loop: Loop, graph: str, constant: Constants) -> list[Any]:
    """Return the items of a loop; none where they are not known."""
    values = loop.axes[0].values
    if isinstance(values, Reference) and values.to == "input" and not values.path:
        values = constant.get((graph, values.name), values)
    if loop.combine == "sequence" and isinstance(values, Native):
        return list(_counted(values.data)) if not any(references(values)) else []
    if loop.combine == "rows" and isinstance(values, Literal) and isinstance(values.value, str):
        try:
            items = json.loads(values.value)
        except ValueError:
            return []
        same = isinstance(items, list) and json.loads(json.dumps(items)) == items and not _has_fractions(items)
        return items if same else []
    return []


def _has_fractions(data: Any) -> bool:
    """Return whether there are numbers in data that Argo may write otherwise."""
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return isinstance(data, float) or any(map(_has_fractions, inner))


def _counted(sequence: Any) -> Iterator[str]:
    """Yield the items of a sequence; none where it says more than numbers and a format."""
    pattern = sequence.get("format") or "%d"
    try:
        numbers = {key: int(str(sequence[key])) for key in ("start", "end", "count") if key in sequence}
    except ValueError:
        return
    if not FORMAT.fullmatch(pattern) or not numbers.keys() & {"end", "count"}:
        return
    start = numbers.get("start", 0)
    end = start + numbers["count"] - 1 if "count" in numbers else numbers["end"]
    if numbers.get("count") == 0 or abs(end - start) >= MOST:
        return
    for number in range(start, end + 1) if start <= end else range(start, end - 1, -1):
        yield pattern % number
