"""What `benchmarks.caching` replays: which streams, at which capacities, under which policies. Counted, never timed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.caching_figures import OURS
from benchmarks.caching_inputs import Inputs
from benchmarks.caching_replays import Job, Least
from couler_plugins.caching.policies import POLICIES
from couler_plugins.simulation.bench import Edits
from couler_plugins.simulation.edits import (
    Branches,
    Deepening,
    HotSpot,
    Replayed,
    SourceRefresh,
    Uniform,
    Walk,
)
from couler_plugins.simulation.setup import Insight
from couler_plugins.simulation.workload import Workload

__all__ = [
    "ALL",
    "FAMILIAR",
    "FULL",
    "QUICK",
    "REGRET_RUNS",
    "REGRET_SHARES",
    "RUNS",
    "SHARES",
    "SLOW",
    "UNSEEN",
    "Size",
    "jobs",
]

SHARES = (0.05, 0.1, 0.2, 0.4)
"""Capacities, as shares of the bytes of one run."""
REGRET_SHARES = (0.1, 0.3)
RUNS, REGRET_RUNS = 40, 12
FAMILIAR: tuple[Edits, ...] = (Replayed(), Uniform(), HotSpot(), SourceRefresh())
"""What the parameters of policies may have been set on."""
UNSEEN: tuple[Edits, ...] = (Walk(), Deepening(), Branches())
"""What they were not set on."""
LIGHT, MIDDLE = 200, 500
"""Steps beyond which a trace is replayed on a quarter, and on an eighth of the seeds."""
EXACT = 160
"""Steps up to which the optimum is found in seconds; beyond, a bound takes its place."""
WRONG = Insight(unknown=0.3, noise=2.0)

ALL = tuple(policy.name for policy in POLICIES)
SLOW = ("experiment-graph", "paper-literal", "paper")
"""Opponents that take longer than all others together; they are left out under unseen and recorded edits."""
FAST = tuple(name for name in ALL if name not in SLOW)


@dataclass(frozen=True)
class Size:
    """How much is replayed.

    Attributes:
        seeds: of each mix of edits, for traces that are not large.
        regret: seeds of each trace, for regret under `replayed` edits; a quarter of that under each unseen generator.
        decisions: runs in which decisions are timed.
        steps: of the largest trace that is replayed; None for all of them.
    """

    seeds: int
    regret: int
    decisions: int
    steps: int | None = None


FULL = Size(seeds=8, regret=4, decisions=12)
QUICK = Size(seeds=1, regret=1, decisions=6, steps=EXACT)


def jobs(found: Inputs, size: Size, first: int) -> dict[str, list[Job]]:
    """The jobs of each group, seeds counted from `first`.

    `replayed` is under every policy, at one capacity, which takes turns with the seeds. `unseen` and `recorded` are the
    same without the slow opponents. `whole` is one seed of the light traces at every capacity, `wrong` the same with
    wrong and missing figures.
    """
    loads = _up_to(size.steps or math.inf, found.workloads)
    light = _up_to(LIGHT, loads)
    exact = [load for load in loads if len(load.steps) <= EXACT]
    large = [load for load in loads if len(load.steps) > EXACT]
    unseen = [(load, edits) for load in loads for edits in UNSEEN]
    recorded = [(load, edits) for load, edits in found.recorded if load in loads]

    def seeds(count: int) -> range:
        return range(first, first + max(1, count))

    def turns(streams: Sequence[tuple[Workload, Edits]], policies: tuple[str, ...], limit: int) -> list[Job]:
        """Streams on all seeds up to `limit` steps, on a quarter up to MIDDLE, and beyond that on an eighth."""
        return [
            Job(load, edits, seed, RUNS, (SHARES[(seed + turn) % len(SHARES)],), policies)
            for turn, (load, edits) in enumerate(streams)
            for seed in seeds(size.seeds // _sparing(len(load.steps), limit))
        ]

    return {
        "replayed": turns([(load, Replayed()) for load in loads], ALL, MIDDLE),
        "unseen": turns(unseen, FAST, LIGHT),
        "recorded": turns(recorded, FAST, LIGHT),
        "whole": [Job(load, Replayed(), first, RUNS, SHARES, ALL) for load in light],
        "wrong": [Job(load, Replayed(), first, RUNS, SHARES, (OURS,), WRONG) for load in light],
        "regret": [_regret(load, Replayed(), seed, "optimum") for load in exact for seed in seeds(size.regret)],
        "regret_unseen": [
            _regret(load, edits, seed, "optimum")
            for load, edits in unseen
            if load in exact
            for seed in seeds(size.regret // 4)
        ],
        "regret_bound": [
            _regret(load, Replayed(), seed, "bound") for load in large for seed in seeds(size.regret // 4)
        ],
    }


def _sparing(steps: int, limit: int) -> int:
    """By how much fewer seeds a trace is replayed on."""
    return 1 if steps <= limit else 4 if steps <= MIDDLE else 8


def _up_to(steps: float, loads: Sequence[Workload]) -> Sequence[Workload]:
    """The workloads of at most that many steps, or else the smallest one."""
    return [load for load in loads if len(load.steps) <= steps] or [min(loads, key=lambda load: len(load.steps))]


def _regret(load: Workload, edits: Edits, seed: int, least: Least) -> Job:
    return Job(load, edits, seed, REGRET_RUNS, REGRET_SHARES, ALL, least=least)
