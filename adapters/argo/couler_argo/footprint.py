"""What one step adds to its workflow: bytes of JSON, entries, pods. Upper estimates, additive over steps."""

from __future__ import annotations

from typing import Any

import msgspec

from couler_argo.cache.traces import KEY_SPEC
from couler_argo.codec import Context
from couler_argo.spelling import write_native
from couler_argo.steps import STEP
from couler_argo.templates import GRAPH, OPERATION
from couler_plugins.hookspecs import Footprint
from couler_plugins.ir import (
    Graph,
    Native,
    Operation,
    Step,
    Workflow,
    callables,
    callee_of,
    inline_callees,
    recursive,
    replace,
)

POD_KINDS = frozenset({"container", "script", "containerSet", "resource", "data", "unknown"})
MARK_BYTES = 1024 + len(
    f'"metadata":{{"annotations":{{"{KEY_SPEC}":""}}}},"memoize":{{"cache":{{"configMap":{{"name":""}}}}}}'
)
"""What a directive adds beside its own options: the memoization, its mark, and (estimated) the text of a key, twice."""
LISTED_BYTES = len('"dependencies":[""]') - len('"depends":""')
"""What a list of names takes more than the expression that is measured."""


class Footprints:
    """Measures the steps of one workflow; what they share is looked at once."""

    def __init__(self, workflow: Workflow) -> None:
        self._by_name = by_name = callables(workflow)
        # What is inline is measured by itself, once.
        inline = {name for name, callee in by_name.items() if callee.inline}
        self._writing = Context(write_inline=lambda name: {} if name in inline else None)
        self._pods: dict[str, int | None] = dict.fromkeys(recursive(workflow))

    def __call__(self, step: Step) -> Footprint:
        """The footprint of one step as it stands.

        A step with directives counts a private copy of what it calls, since it may get one; pods are those of
        everything that it calls, for each item of its loop, or None where only the run can tell.
        """
        size = self._step_size(step)
        size += sum(self.size(callee) for callee in inline_callees(step, self._by_name))
        callee = callee_of(step, self._by_name)
        for directive in step.directives:
            size += MARK_BYTES + _bytes(directive) + (self.size(callee) if callee is not None else 0)
        return Footprint(bytes=size, steps=1, pods=self._pods_of(step))

    def size(self, callee: Graph | Operation) -> int:
        """The bytes of a template."""
        if isinstance(callee, Operation):
            bytes_asked = sum(MARK_BYTES + _bytes(directive) for directive in callee.directives)
            return bytes_asked + _bytes(OPERATION.write(replace(callee, directives=()), self._writing))
        return _bytes(GRAPH.write(callee, self._writing)) + sum(map(self._step_size, callee.steps))

    def _step_size(self, step: Step) -> int:
        size = _bytes(STEP.write(replace(step, directives=()) if step.directives else step, self._writing))
        return size if step.needs is None else size + LISTED_BYTES

    def _pods_of(self, step: Step) -> int | None:
        items, callee = items_of(step), callee_of(step, self._by_name)
        if items is None or callee is None:
            return None
        if callee.name not in self._pods:
            called = [self._pods_of(inner) for inner in callee.steps] if isinstance(callee, Graph) else []
            own = 1 if isinstance(callee, Operation) and callee.kind in POD_KINDS else 0
            self._pods[callee.name] = _sum([own, *called])
        each = _sum([self._pods[callee.name], *(self._pods_of(handler.step) for handler in step.handlers)])
        return None if each is None else each * items


def _sum(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _bytes(data: Any) -> int:
    return len(msgspec.json.encode(data)) + 1


def items_of(step: Step) -> int | None:
    """How often a step runs; None where the run decides."""
    if step.loop is None:
        return 1
    values = step.loop.axes[0].values
    data = write_native(values) if isinstance(values, Native) else None
    if step.loop.combine == "rows":
        return len(data) if isinstance(data, list) else None
    match data:
        case {"count": str() | int() as count} if str(count).isdigit():
            return int(count)
        case {"start": start, "end": end} if str(start).lstrip("-").isdigit() and str(end).lstrip("-").isdigit():
            return abs(int(end) - int(start)) + 1
    return None
