"""Contract of partitioners: they cut a graph into parts under a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

from couler_plugins.markers import hookspec

if TYPE_CHECKING:
    from couler_plugins.hookspecs.dag import Budget, Dag

__all__ = ["Partitioner", "couler_partitioners"]


class Partitioner(Protocol):
    """A way of cutting a graph: a frozen dataclass whose fields are its options.

    It is deterministic under its options, reads no clock, and takes what it is given as data. Steps that have to stay
    together are one step of the graph that it gets.
    """

    name: ClassVar[str]
    """Kebab-case, unique among all plugins."""

    exceeds: ClassVar[bool] = False
    """Whether its parts may be over the budget: a baseline, to compare with. What is split by one of these is never
    written."""

    def split(self, dag: Dag, budget: Budget, previous: Mapping[str, int] | None = None) -> list[int]:
        """The label of each step's part: numbers from 0 on that never fall along an edge, every part within the budget.

        Args:
            dag: the graph; every edge goes from a smaller number to a larger one, and every step fits the budget.
            budget: what a part may have.
            previous: the labels of an earlier split by the names of the steps: change few of its parts.
        """


@hookspec
def couler_partitioners() -> list[type[Partitioner]]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the partitioners of this plugin."""
