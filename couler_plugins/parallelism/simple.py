"""Partitioners without a search: a good one in near-linear time, and the one that people make by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs.budget import Budget
from couler_plugins.hookspecs.dag import Dag
from couler_plugins.parallelism.bandpack import bandpack
from couler_plugins.parallelism.orders import by_depth
from couler_plugins.parallelism.packing import fill, first_fit

__all__ = ["BandPack", "Levels"]


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
