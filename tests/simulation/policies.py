"""Policies and prices that the tests of replays use."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import ClassVar

from benchmarks.baselines import POLICIES
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, LoadCost, Run
from couler_plugins.simulation.workload import Workload

__all__ = ["CHEAP", "DEAR", "NAMES", "Chance", "MakeWorkload", "Told"]

MakeWorkload = Callable[..., Workload]
CHEAP = LoadCost(latency=0.01, bandwidth=1000.0)
DEAR = LoadCost(latency=2.0, bandwidth=3.0)
NAMES = {kind.name: kind for kind in POLICIES}


@dataclass(frozen=True)
class Chance(CachePolicy):
    """Keeps what happens to fit in a random order; notes all that it is asked."""

    name: ClassVar[str] = "chance"
    seed: int = 0
    asked: list[tuple[list[Candidate], int | None, tuple[Run, ...]]] = field(default_factory=list)

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        self.asked.append((list(candidates), capacity, history.live))
        order = sorted(candidates, key=lambda one: one.key)
        random.Random(f"{self.seed} {len(self.asked)}").shuffle(order)
        kept: set[str] = set()
        room = capacity or 0
        for one in order:
            if one.bytes <= room:
                kept.add(one.key)
                room -= one.bytes
        return kept


@dataclass(frozen=True)
class Told(CachePolicy):
    """Keeps what it was told."""

    name: ClassVar[str] = "told"
    kept: Iterator[Set[str]]

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        return next(self.kept)
