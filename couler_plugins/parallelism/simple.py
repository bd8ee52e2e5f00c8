"""Partitioners without a search: near-linear packing, and a cut of any topological order."""

from __future__ import annotations

from collections.abc import Mapping
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
