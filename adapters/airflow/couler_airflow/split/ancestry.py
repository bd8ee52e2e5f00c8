"""Which of some tasks come before each task of a DAG, at any distance."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from couler_plugins.ir import Graph, GraphView, needed


class Ancestry:
    """What comes before tasks: a bit for each task that is asked for, so that a step costs a machine word per 64.

    Args:
        graph: the DAG, lifted.
        wanted: the ids of the tasks that are asked for.
    """

    def __init__(self, graph: Graph, wanted: Collection[str]) -> None:
        order = GraphView(graph).order() if wanted else ()
        self._names = [name for name in order if name in wanted]
        self._bits = {name: 1 << at for at, name in enumerate(self._names)}
        self._before: dict[str, int] = {}
        steps = {step.name: step for step in graph.steps}
        for name in order:
            bits = 0
            for need in needed(steps[name].needs):
                bits |= self._before[need.step] | self._bits.get(need.step, 0)
            self._before[name] = bits

    def is_before(self, first: str, second: str) -> bool:
        """Whether the first task, one of those asked for, comes before the second."""
        return bool(self._before.get(second, 0) & self._bits[first])

    def among(self, names: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """Those of some tasks, all asked for, that come last before others of them; with these, by name."""
        mask = 0
        for name in names:
            mask |= self._bits[name]
        for name in sorted(names):
            remaining = self._before[name] & mask
            last = []
            while remaining:
                latest = self._names[remaining.bit_length() - 1]  # bits are in an order in which tasks may run
                last.append(latest)
                remaining &= ~(self._bits[latest] | self._before[latest])
            if last:
                yield name, last
