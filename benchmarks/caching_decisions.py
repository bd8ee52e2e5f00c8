"""How long a policy takes to decide, by the number of steps of the workflow."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import ClassVar

from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History
from couler_plugins.simulation.edits import Replayed
from couler_plugins.simulation.replay import replay
from couler_plugins.simulation.workload import Workload, stream

__all__ = ["decision_seconds"]

STAGES = 10
SHARE = 0.2
"""The capacity, of the bytes of one run."""


@dataclass(frozen=True)
class _Timed(CachePolicy):
    """Another policy, and the CPU seconds of each of its decisions."""

    name: ClassVar[str] = "timed"
    policy: CachePolicy
    seconds: list[float] = field(default_factory=list)

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        start = time.process_time()
        try:
            return self.policy.keep(candidates, capacity, history)
        finally:
            self.seconds.append(time.process_time() - start)


def decision_seconds(policy: CachePolicy, steps: int, runs: int, seed: int) -> float:
    """The median CPU seconds of a decision, over the runs of one generated workflow under `replayed` edits."""
    workload = pipeline(steps, seed)
    timed = _Timed(policy)
    replay(stream(workload, Replayed(), runs, seed), timed, int(SHARE * workload.total_bytes))
    return statistics.median(timed.seconds)


def pipeline(steps: int, seed: int) -> Workload:
    """Samples that go through the stages of a pipeline; every fourth stage also reads a result of another sample."""
    chance = random.Random(f"pipeline:{seed}")
    samples = steps // STAGES
    parents = []
    for step in range(steps):
        stage = step // samples
        above = {step - samples} if stage else set()
        if stage and stage % 4 == 0:
            above.add((stage - 1) * samples + chance.randrange(samples))
        parents.append(tuple(sorted(above)))
    types = [f"stage-{step // samples}" for step in range(steps)]
    return Workload(
        family="pipeline",
        steps=[f"{kind}-{step % samples}" for step, kind in enumerate(types)],
        types=types,
        specs=[str(step) for step in range(steps)],
        parents=parents,
        seconds=[chance.lognormvariate(4, 1) for _ in range(steps)],
        bytes=[int(chance.lognormvariate(17, 1.5)) for _ in range(steps)],
        memory=[0] * steps,
    )
