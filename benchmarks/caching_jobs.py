"""What `benchmarks.caching` replays: which streams, at which capacities, under which policies. Counted, never timed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.baselines import POLICIES
from benchmarks.caching_figures import OURS, Trial
from benchmarks.caching_inputs import Inputs
from benchmarks.caching_replays import Job, Least, trials
from couler_plugins.simulation.edits import (
    Branches,
    Deepening,
    HotSpot,
    Replayed,
    SourceRefresh,
    Uniform,
    Walk,
)
from couler_plugins.simulation.replay import Insight
from couler_plugins.simulation.workload import Edits, Workload

__all__ = [
    "ALL",
    "FAMILIAR",
    "FAST",
    "FULL",
    "QUICK",
    "REGRET_RUNS",
    "REGRET_SHARES",
    "RUNS",
    "SHARES",
    "SLOW",
    "UNSEEN",
    "Size",
    "Task",
    "jobs",
    "work",
]

SHARES = (0.05, 0.1, 0.2, 0.4)
"""Capacities, as shares of the bytes of one run."""
REGRET_SHARES = (0.1, 0.3)
RUNS, REGRET_RUNS, FEWEST_RUNS = 40, 12, 8
FAMILIAR: tuple[Edits, ...] = (Replayed(), Uniform(), HotSpot(), SourceRefresh())
"""What the parameters of policies may have been set on."""
UNSEEN: tuple[Edits, ...] = (Walk(), Deepening(), Branches())
"""What they were not set on."""
EXACT = 160
"""Steps up to which the optimum is found in seconds; beyond, a bound takes its place."""
UNKNOWN, NOISE = 0.3, 2.0
"""The share of the steps of which policies know neither time nor size, and the factor by which times may be wrong."""

ALL = tuple(policy.name for policy in POLICIES)
SLOW = ("experiment-graph", "paper-literal", "paper")
"""Opponents that take longer than all others together, and never come near: they are replayed on fewer seeds."""
FAST = tuple(name for name in ALL if name not in SLOW)

WEIGHTS = {
    OURS: 45,
    "gdsf-subtree": 10,
    "experiment-graph": 15,
    "paper": 40,
    "paper-literal": 14,
    "yang": 4,
    "helix": 3,
}
"""What a policy takes for a step or an edge of a run: about microseconds; 1 for all others."""
LEAST: dict[Least | None, int] = {"optimum": 100, "bound": 25, None: 0}
"""The same for the optimum and for the bound."""


@dataclass(frozen=True)
class Size:
    """How much is replayed.

    Attributes:
        seeds: the most of one workload and mix of edits.
        regret: the most of one workload and mix of edits for regret.
        decisions: runs in which decisions are timed.
        work: the most of all together, as `work` counts it. Where there is more to do, seeds are left out.
    """

    seeds: int
    regret: int
    decisions: int
    work: int


FULL = Size(seeds=8, regret=8, decisions=12, work=860_000_000)
QUICK = Size(seeds=8, regret=4, decisions=6, work=165_000_000)

Stream = Callable[[int], Job]
"""The job of a seed."""


def jobs(found: Inputs, size: Size, first: int) -> dict[str, list[Job]]:
    """The jobs of each group, seeds counted from `first`.

    `replayed`, `unseen` and `recorded` are under all but the slow opponents, at one capacity, which takes turns with
    the seeds; `slow` is `replayed` under the slow ones, and `wrong` is `replayed` under ours with wrong and missing
    figures, both on fewer seeds. `whole` is at every capacity under all, beside the bound.
    """
    loads, recorded = found.workloads, list(found.recorded)
    replayed: list[tuple[Workload, Edits]] = [(load, Replayed()) for load in loads]
    unseen = [(load, edits) for load in loads for edits in UNSEEN]
    exact = [load for load in loads if len(load.steps) <= EXACT]
    large = [load for load in loads if len(load.steps) > EXACT]

    def spread(share: float, most: int, streams: Iterable[Stream], *, some: bool = False) -> list[Job]:
        return _spread(list(streams), most, share * size.work, first, some)

    return {
        "replayed": spread(0.21, size.seeds, _turns(replayed, FAST), some=True),
        "slow": spread(0.03, size.seeds, _turns(replayed, SLOW)),
        "unseen": spread(0.48, size.seeds, _turns(unseen, FAST), some=True),
        "recorded": spread(0.04, size.seeds, _turns(recorded, FAST)),
        "whole": spread(0.08, 1, (partial(_whole, load) for load in loads)),
        "wrong": spread(0.05, size.seeds, _turns(replayed, (OURS,), wrong=True), some=True),
        "regret": spread(0.05, size.regret, (partial(_regret, load, Replayed(), "optimum") for load in exact)),
        "regret_unseen": spread(
            0.05, size.regret, (partial(_regret, load, edits, "optimum") for load, edits in unseen if load in exact)
        ),
        "regret_bound": spread(0.01, size.regret, (partial(_regret, load, Replayed(), "bound") for load in large)),
    }


def work(job: Job) -> int:
    """What a job takes, counted: in steps and edges that a policy looks at, by the policies' weights."""
    size = len(job.workload.steps) + sum(map(len, job.workload.parents))
    each = LEAST[job.least] + sum(WEIGHTS.get(policy, 1) for policy in job.policies)
    return job.runs * len(job.shares) * size * each


@dataclass(frozen=True)
class Task:
    """A job to be done in a process of its own."""

    job: Job

    @property
    def cost(self) -> float:
        return work(self.job)

    def __call__(self) -> list[Trial]:
        return trials(self.job)


def _spread(streams: Sequence[Stream], most: int, room: float, first: int, some: bool) -> list[Job]:
    """As many seeds of each as there is room for; what the small ones leave is for the larger ones.

    First comes one seed of each, from the smallest on. Left out are those for which there is no room, or of which one
    seed takes more than three even shares. Where `some` has to be, the smallest is not, but its runs are fewer.
    """
    each = [work(stream(first)) for stream in streams]
    order = sorted(range(len(streams)), key=lambda at: each[at])
    if some and order and each[order[0]] > room:
        job = streams[order[0]](first)
        return [replace(job, runs=max(FEWEST_RUNS, int(job.runs * room / each[order[0]])))]
    counts = [0] * len(streams)
    even = room / max(len(streams), 1)
    for at in order:
        if each[at] <= min(3 * even, room):
            counts[at] = 1
            room -= each[at]
    there = [at for at in order if counts[at]]
    for place, at in enumerate(there):
        more = max(0, min(most - 1, int(room / (len(there) - place) / each[at])))
        counts[at] += more
        room -= more * each[at]
    return [stream(first + seed) for stream, count in zip(streams, counts, strict=True) for seed in range(count)]


def _turns(pairs: Sequence[tuple[Workload, Edits]], policies: tuple[str, ...], *, wrong: bool = False) -> list[Stream]:
    return [partial(_turn, load, edits, policies, turn, wrong) for turn, (load, edits) in enumerate(pairs)]


def _turn(load: Workload, edits: Edits, policies: tuple[str, ...], turn: int, wrong: bool, seed: int) -> Job:
    insight = Insight(unknown=UNKNOWN, noise=NOISE, seed=seed) if wrong else Insight()
    return Job(load, edits, seed, RUNS, (SHARES[(seed + turn) % len(SHARES)],), policies, insight)


def _whole(load: Workload, seed: int) -> Job:
    return Job(load, Replayed(), seed, RUNS, SHARES, ALL, least="bound")


def _regret(load: Workload, edits: Edits, least: Least, seed: int) -> Job:
    return Job(load, edits, seed, REGRET_RUNS, REGRET_SHARES, ALL, least=least)
