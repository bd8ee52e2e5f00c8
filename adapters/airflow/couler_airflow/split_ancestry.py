"""Which of some tasks come before each task of a DAG, at any distance."""

from __future__ import annotations

from collections.abc import Collection

from couler_plugins.ir import Graph, GraphView, needed

__all__ = ["Ancestry"]


class Ancestry:
    """What comes before tasks: a bit for each task that is asked for, so that a step costs a machine word per 64.

    Args:
        graph: the DAG, lifted.
        wanted: the ids of the tasks that are asked for.
    """

    def __init__(self, graph: Graph, wanted: Collection[str]) -> None:
        self._bits = {name: 1 << at for at, name in enumerate(sorted(wanted))}
        self._before: dict[str, int] = {}
        steps = {step.name: step for step in graph.steps}
        for name in GraphView(graph).order() if wanted else ():
            found = 0
            for need in needed(steps[name].needs):
                found |= self._before[need.step] | self._bits.get(need.step, 0)
            self._before[name] = found

    def is_before(self, first: str, second: str) -> bool:
        """Whether the first task, one of those asked for, comes before the second."""
        return bool(self._before.get(second, 0) & self._bits[first])
