"""Streams of runs replayed under many policies, beside the offline optimum where wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.baselines import POLICIES
from benchmarks.caching_figures import Trial
from benchmarks.optimum import bound, optimum
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.simulation.outcome import Outcome
from couler_plugins.simulation.replay import Insight, Setup, everything, nothing, replay
from couler_plugins.simulation.workload import Edits, Version, Workload, stream

__all__ = ["Job", "Least", "named", "trials"]

Least = Literal["optimum", "bound"]
GAP = 1e-3
"""How far an optimum may be off, as a share: a tenth of a percent of regret."""
NODES = 200
"""Of the search tree, after which an optimum is given up; the count of those is reported."""


@dataclass(frozen=True)
class Job:
    """A stream and what to replay on it.

    Attributes:
        workload: what is edited and run.
        edits: how it is edited.
        seed: of the edits.
        runs: how many.
        shares: the capacities, as shares of the bytes of one run.
        policies: the names of the policies.
        insight: what policies know of times and sizes.
        least: what to compare the costs with: the exact optimum, a bound that no policy goes below, or nothing.
    """

    workload: Workload
    edits: Edits
    seed: int
    runs: int
    shares: tuple[float, ...]
    policies: tuple[str, ...]
    insight: Insight = field(default_factory=Insight)
    least: Least | None = None


def named(names: Iterable[str]) -> tuple[CachePolicy, ...]:
    """The policies of these names, each as it is by default."""
    found = {policy.name: policy for policy in POLICIES}
    return tuple(found[name]() for name in names)


def trials(job: Job) -> list[Trial]:
    """Every policy at every capacity."""
    versions = stream(job.workload, job.edits, job.runs, job.seed)
    setup = Setup(insight=job.insight)
    without, unlimited = nothing(versions, setup), everything(versions, setup)
    found = []
    for share in job.shares:
        capacity = int(share * job.workload.total_bytes)
        least = _least(job, versions, capacity, setup)
        for policy in named(job.policies):
            outcome = replay(versions, policy, capacity, setup)
            found.append(_trial(job, share, policy.name, (outcome, without, unlimited), least))
    return found


def _trial(
    job: Job, share: float, policy: str, outcomes: tuple[Outcome, Outcome, Outcome], least: float | None
) -> Trial:
    outcome, without, unlimited = outcomes
    hits = sum(run.loaded for run in outcome.runs)
    return Trial(
        workload=job.workload.family,
        mix=job.edits.name,
        seed=job.seed,
        share=share,
        policy=policy,
        seconds=tuple(run.seconds for run in outcome.runs),
        without=tuple(run.seconds for run in without.runs),
        unlimited=tuple(run.seconds for run in unlimited.runs),
        makespan=outcome.makespan,
        makespan_without=without.makespan,
        makespan_unlimited=unlimited.makespan,
        hits=hits,
        asked=hits + sum(run.computed for run in outcome.runs),
        least=least,
    )


def _least(job: Job, versions: Sequence[Version], capacity: int, setup: Setup) -> float | None:
    """The optimum or the bound, in seconds."""
    if job.least is None:
        return None
    runs = [version.run() for version in versions]
    if job.least == "bound":
        return bound(runs, capacity, setup.load)
    found = optimum(runs, capacity, setup.load, gap=GAP, nodes=NODES)
    return None if found is None else found.seconds
