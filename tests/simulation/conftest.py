from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from couler_plugins.runs import Run, StepRun
from couler_plugins.simulation.workload import Workload

MakeWorkload = Callable[..., Workload]


@pytest.fixture
def make_workload() -> MakeWorkload:
    """Makes a workflow of a random graph, the same for the same seed: times 1 to 9 s, sizes 1 to 9 bytes, 3 types."""

    def make(seed: int, steps: int, family: str = "random") -> Workload:
        chance = random.Random(seed)
        parents = [
            tuple(sorted(chance.sample(range(step), min(step, chance.choice([0, 1, 1, 2]))))) for step in range(steps)
        ]
        ran = (
            StepRun(
                step=f"s{step}",
                type=f"t{step % 3}",
                spec=f"spec {step}",
                key="",
                parents=parents[step],
                seconds=float(chance.randint(1, 9)),
                bytes=chance.randint(1, 9),
            )
            for step in range(steps)
        )
        return Workload.of(Run(family=family, steps=tuple(ran)))

    return make
