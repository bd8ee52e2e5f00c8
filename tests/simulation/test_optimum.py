"""The offline optimum against every decision there is, on streams small enough to try them all."""

from __future__ import annotations

import random
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import chain, combinations
from typing import ClassVar

import msgspec
import pytest

from benchmarks.baselines import POLICIES
from benchmarks.optimum import bound, optimum
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, LoadCost, Run
from couler_plugins.simulation.replay import Setup, replay
from couler_plugins.simulation.workload import Version, Workload

LOAD = LoadCost(latency=0.1, bandwidth=20.0)
"""Loading is cheaper than computing any step by itself, so that what is cached and needed is best loaded."""


@dataclass(frozen=True)
class Told(CachePolicy):
    """Keeps what it is told to, run by run."""

    name: ClassVar[str] = "told"
    kept: tuple[frozenset[str], ...] = ()

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        return self.kept[len(history.runs) - 1] & {one.key for one in candidates}


def versions(seed: int, runs: int, steps: int) -> list[Version]:
    """A random graph of which one or two steps are edited before each run, sometimes back to an old version."""
    chance = random.Random(seed)
    names = [str(step) for step in range(steps)]
    workload = Workload(
        family="random",
        steps=names,
        types=names,
        specs=names,
        parents=[
            tuple(sorted(chance.sample(range(step), min(step, chance.choice([0, 1, 1, 2]))))) for step in range(steps)
        ],
        seconds=[float(chance.randint(1, 9)) for _ in names],
        bytes=[chance.randint(1, 9) for _ in names],
        memory=[0] * steps,
    )
    edited = [chance.sample(range(steps), chance.randint(1, 2)) for _ in range(runs - 1)]
    changes = [{step: chance.randint(0, 2) for step in some} for some in edited]
    return list(workload.versions(changes))


def stream(seed: int, runs: int, steps: int) -> list[Run]:
    return [version.run() for version in versions(seed, runs, steps)]


def subsets(items: frozenset[str]) -> list[frozenset[str]]:
    ordered = sorted(items)
    sizes = range(len(ordered) + 1)
    return [frozenset(some) for some in chain.from_iterable(combinations(ordered, size) for size in sizes)]


def run_cost(run: Run, computed: frozenset[str], held: frozenset[str]) -> float | None:
    """Seconds of a run that computes just these and loads what else it needs; None where that is no run."""
    inner = {parent for step in run.steps for parent in step.parents}
    needed = {step.key for place, step in enumerate(run.steps) if place not in inner}
    for step in run.steps:
        if step.key in computed:
            needed |= {run.steps[parent].key for parent in step.parents}
    if not needed <= computed | held:
        return None
    return sum(
        (step.seconds or 0.0) if step.key in computed else LOAD.seconds(step.bytes or 0) * (step.key in needed)
        for step in run.steps
    )


def least(runs: list[Run], capacity: int) -> float:
    """The least seconds over all that could be computed, and all that could be kept, in every run."""
    sizes = {step.key: step.bytes or 0 for run in runs for step in run.steps}
    states: dict[frozenset[str], float] = {frozenset(): 0.0}
    for run in runs:
        after: dict[frozenset[str], float] = {}
        for held, spent in states.items():
            for computed in subsets(frozenset(step.key for step in run.steps)):
                cost = run_cost(run, computed, held)
                if cost is None:
                    continue
                for kept in subsets(held | computed):
                    if sum(sizes[key] for key in kept) <= capacity:
                        after[kept] = min(after.get(kept, float("inf")), spent + cost)
        states = after
    return min(states.values())


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("capacity", [0, 7, 14])
def test_the_optimum_is_the_least_over_all_decisions(seed: int, capacity: int) -> None:
    runs = stream(seed, runs=4, steps=3 + seed % 3)
    found = optimum(runs, capacity, LOAD)
    assert found is not None
    assert found.seconds == pytest.approx(least(runs, capacity))
    assert bound(runs, capacity, LOAD) <= found.seconds + 1e-6


@pytest.mark.parametrize("seed", range(40))
def test_the_replay_of_its_decisions_costs_what_the_optimum_says(seed: int) -> None:
    stream = versions(seed, runs=8, steps=9)
    runs = [version.run() for version in stream]
    capacity = sum(step.bytes or 0 for step in runs[0].steps) // 3
    found = optimum(runs, capacity, LOAD)
    assert found is not None
    replayed = replay(stream, Told(found.kept), capacity, Setup(load=LOAD))
    assert replayed.seconds == pytest.approx(found.seconds)


@pytest.mark.parametrize("seed", range(6))
def test_no_policy_goes_below_the_optimum_nor_that_below_its_bound(seed: int) -> None:
    stream = versions(seed, runs=8, steps=10)
    runs = [version.run() for version in stream]
    capacity = sum(step.bytes or 0 for step in runs[0].steps) // 4
    found = optimum(runs, capacity, LOAD)
    assert found is not None
    assert bound(runs, capacity, LOAD) <= found.seconds + 1e-6
    for policy in POLICIES:
        assert found.seconds <= replay(stream, policy(), capacity, Setup(load=LOAD)).seconds + 1e-6, policy.name


def test_a_search_that_is_given_up_says_so() -> None:
    runs = stream(1, runs=30, steps=40)
    assert optimum(runs, 60, LOAD, nodes=0) is None


def test_an_unknown_size_is_refused() -> None:
    run = stream(1, runs=1, steps=2)[0]
    unknown = msgspec.structs.replace(run, steps=(msgspec.structs.replace(run.steps[0], bytes=None), *run.steps[1:]))
    with pytest.raises(ValueError, match="the size of step '0' is not known"):
        optimum([unknown, unknown], 10, LOAD)
