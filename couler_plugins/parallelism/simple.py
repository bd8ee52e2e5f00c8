"""Partitioners without a search: near-linear packing, and a cut of any topological order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.packing import bandpack, fill, first_fit


def by_depth(dag: Dag) -> list[int]:
    """The steps by the number of edges on the longest path to them: level by level."""
    depths: list[int] = []
    for above in dag.parents:
        depths.append(1 + max((depths[parent] for parent in above), default=-1))
    return sorted(range(len(dag)), key=depths.__getitem__)


def depth_first(links: Sequence[Sequence[int]]) -> list[int]:
    """The postorder of a depth-first search: every step after all that it links to.

    With parents it is a topological order; with children the reverse of one.
    """
    order: list[int] = []
    seen = bytearray(len(links))
    linked = bytearray(len(links))
    for some in links:
        for step in some:
            linked[step] = 1
    for root in range(len(links)):
        if linked[root]:
            continue
        stack = [(root, iter(links[root]))]
        seen[root] = 1
        while stack:
            step, remaining = stack[-1]
            for other in remaining:
                if not seen[other]:
                    seen[other] = 1
                    stack.append((other, iter(links[other])))
                    break
            else:
                stack.pop()
                order.append(step)
    return order


@dataclass(frozen=True)
class BandPack:
    """Near-linear: clusters of steps that wait for each other anyway, packed band by band.

    Attributes:
        launch: seconds that starting a part takes.
    """

    name: ClassVar[str] = "bandpack"
    exceeds: ClassVar[bool] = False
    launch: float = 10.0

    def split(self, dag: Dag, budget: Budget, previous: Mapping[str, int] | None = None) -> list[int]:
        """The part of each step, whatever the previous ones were."""
        return first_fit(dag, budget, bandpack(dag, budget), self.launch)


@dataclass(frozen=True)
class Levels:
    """Level by level: parts are filled one after the other with steps by their depth."""

    name: ClassVar[str] = "levels"
    exceeds: ClassVar[bool] = False

    def split(self, dag: Dag, budget: Budget, previous: Mapping[str, int] | None = None) -> list[int]:
        """The part of each step, whatever the previous ones were."""
        return fill(dag, budget, ((step,) for step in by_depth(dag)))
