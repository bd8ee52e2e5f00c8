"""The time of a run that the steps in front of one and behind it take, as far as past attempts tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_plugins.ir import Graph, GraphView, Operation


class Paths:
    """The longest paths through the steps of a graph, which are decided on one after the other.

    Of those in front of a step all attempts count, and one of those behind it: together, the attempts of no path take
    longer than each step was allowed. What waits for a whole stage, or for all steps, is not seen as behind it.

    Args:
        graph: the graph.
        inline: what is written inside of steps, which may read from others.
        seconds: how long an attempt of each step takes, where that is known.
    """

    def __init__(self, graph: Graph, inline: Mapping[str, Graph | Operation], seconds: Mapping[str, float]) -> None:
        self._view, self._seconds = GraphView(graph, inline), seconds
        self.order = [] if self._view.cycle() else self._view.order()
        self._ends: dict[str, float] = {}
        self._behind: dict[str, float] = {}
        for name in reversed(self.order):
            after = self._view.successors(name)
            self._behind[name] = max((seconds.get(one, 0.0) + self._behind[one] for one in after), default=0.0)

    def steps(self) -> Iterator[tuple[str, float]]:
        """Yield each step and the seconds of others on the longest path through it; `settle` the one before the next."""
        for name in self.order:
            yield name, self._start(name) + self._behind[name]

    def settle(self, name: str, attempts: int) -> None:
        """Count all attempts of a step from here on."""
        self._ends[name] = self._start(name) + attempts * self._seconds.get(name, 0.0)

    def _start(self, name: str) -> float:
        return max((self._ends.get(one, 0.0) for one in self._view.predecessors(name)), default=0.0)
