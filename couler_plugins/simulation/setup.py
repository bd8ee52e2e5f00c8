"""What a stream of runs runs on, and what policies get to know of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from couler_plugins.runs import LoadCost
from couler_plugins.simulation.workload import Workload, chance_of

__all__ = ["Insight", "Setup"]


@dataclass(frozen=True)
class Insight:
    """What policies get to know of times and sizes; the accounting always knows the truth.

    Attributes:
        unknown: the share of steps whose time and size are not known.
        noise: the factor by which a known time may be wrong, up or down; 1 is right.
        seed: which steps these are.
    """

    unknown: float = 0.0
    noise: float = 1.0
    seed: int = 0

    def times(self, workload: Workload) -> list[float | None]:
        """The seconds of each step as policies see them; None where they do not."""
        chance = chance_of("insight", self.seed, workload.family)
        spread = math.log(self.noise)
        seen: list[float | None] = []
        for seconds in workload.seconds:
            hidden, error = chance.random() < self.unknown, math.exp(chance.uniform(-spread, spread))
            seen.append(None if hidden else seconds * error)
        return seen


@dataclass(frozen=True)
class Setup:
    """What a stream runs on.

    Attributes:
        load: what loading costs.
        workers: how many steps run at once; None for no limit.
        launch: seconds that starting a step takes; they count for the makespan only.
        insight: what policies get to know.
        online: whether the policy's `online()` decides at each end of a step, in the middle of runs, as well.
    """

    load: LoadCost = field(default_factory=LoadCost)
    workers: int | None = None
    launch: float = 0.0
    insight: Insight = field(default_factory=Insight)
    online: bool = False
