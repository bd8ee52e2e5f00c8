"""What steps reach: the graphs and operations that they call, directly and through others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from couler_plugins.ir import Call, Graph, Operation, Step

__all__ = ["callee_of", "reached"]


def callee_of(step: Step, by_name: Mapping[str, Graph | Operation]) -> Graph | Operation | None:
    """What a step calls; None where that is not in its pipeline."""
    return by_name.get(step.call.name) if isinstance(step.call, Call) else None


def reached(by_name: Mapping[str, Graph | Operation], steps: Iterable[Step]) -> dict[str, Graph | Operation]:
    """The graphs and operations that steps reach, by name, each once, in the order in which they are met."""
    callees: dict[str, Graph | Operation] = {}
    ahead = list(steps)
    while ahead:
        callee = callee_of(ahead.pop(0), by_name)
        if callee is not None and callee.name not in callees:
            callees[callee.name] = callee
            ahead += callee.steps if isinstance(callee, Graph) else ()
    return callees
