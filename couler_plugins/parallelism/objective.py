"""What a search minimises."""

from __future__ import annotations

from dataclasses import dataclass

from couler_plugins.hookspecs.budget import Budget
from couler_plugins.hookspecs.dag import Dag
from couler_plugins.parallelism.bound import fewest_parts

__all__ = ["Objective"]

CUT = 0.1
"""What cutting every edge costs, as a share of the critical path."""


@dataclass(frozen=True)
class Objective:
    """Makespan, parts and cut edges as one number, 1 where nothing is lost.

    Attributes:
        critical_path: of the graph whole, seconds; what makespans are measured by.
        fewest: the number of parts that no split goes below.
        edges: of the graph.
        weight: what twice the fewest parts cost, as a share of the makespan.
    """

    critical_path: float
    fewest: int
    edges: int
    weight: float

    @classmethod
    def of(cls, dag: Dag, budget: Budget, launch: float, weight: float) -> Objective:
        """The objective for a graph. Where all steps take no time, the makespan is measured by one launch."""
        return cls(dag.critical_path() or launch or 1.0, fewest_parts(dag, budget), max(dag.edges, 1), weight)

    def value(self, makespan: float, parts: int, cut: int) -> float:
        """The number to minimise."""
        return makespan / self.critical_path * self._factor(parts) + CUT * cut / self.edges

    def makespan(self, value: float, parts: int, cut: int) -> float:
        """The makespan at which these parts and this cut are worth that value."""
        return (value - CUT * cut / self.edges) * self.critical_path / self._factor(parts)

    def _factor(self, parts: int) -> float:
        return 1 + self.weight * (parts / self.fewest - 1)
