"""What the trials of replays say of the policies: capture, regret, and how sure the differences between them are."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

__all__ = [
    "OURS",
    "Gap",
    "Interval",
    "Trial",
    "advantage",
    "best_opponent",
    "by_policy",
    "capture",
    "capture_limit",
    "early_capture",
    "harm_of_capacity",
    "hit_ratio",
    "paired_loss",
    "regret",
    "relative_makespan",
    "unlimited_makespan",
    "worst_gap",
]

OURS = "scr"
LIMITS_OF_CACHING = ("none", "all")
"""What the others are measured between; no opponents."""
EARLY = 4
"""Runs in which little is learned yet."""


@dataclass(frozen=True)
class Trial:
    """One stream of runs, replayed under one policy with one capacity.

    Attributes:
        workload: whose stream it is.
        mix: which kind of edits.
        seed: of the edits.
        share: the capacity, as a share of the bytes of one run.
        policy: its name.
        seconds: of computing and loading, for each run.
        without: the same without a cache.
        unlimited: the same with a cache that keeps everything.
        makespan: seconds from start to end, summed over the runs.
        makespan_without: the same without a cache.
        makespan_unlimited: the same with a cache that keeps everything.
        hits: results that were loaded.
        asked: results that were loaded or computed.
        least: seconds of the offline optimum, or a bound that no policy goes below; None where neither was computed.
    """

    workload: str
    mix: str
    seed: int
    share: float
    policy: str
    seconds: tuple[float, ...]
    without: tuple[float, ...]
    unlimited: tuple[float, ...]
    makespan: float
    makespan_without: float
    makespan_unlimited: float
    hits: int
    asked: int
    least: float | None = None


@dataclass(frozen=True, order=True)
class Gap:
    """Points of capture by which our policy is above an opponent on one workload and mix of edits, over some seeds."""

    points: float
    workload: str
    mix: str
    opponent: str
    seeds: int


Measure = Callable[[Trial], float | None]
"""A figure of one trial; None where it has none."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def capture(trial: Trial, runs: int | None = None) -> float | None:
    """Percent of what an unlimited cache saves that this one saves, in the first `runs` runs; None where that is 0."""
    without, unlimited = sum(trial.without[:runs]), sum(trial.unlimited[:runs])
    if unlimited >= without:
        return None
    return 100 * (without - sum(trial.seconds[:runs])) / (without - unlimited)


def capture_limit(trial: Trial) -> float | None:
    """The capture of the offline optimum, or one that no policy goes above; None where neither was computed."""
    return None if trial.least is None else capture(replace(trial, seconds=(trial.least,)))


def early_capture(trial: Trial) -> float | None:
    """Capture in the first runs."""
    return capture(trial, EARLY)


def regret(trial: Trial) -> float | None:
    """Percent by which it costs more than the offline optimum."""
    return None if not trial.least else 100 * (sum(trial.seconds) / trial.least - 1)


def hit_ratio(trial: Trial) -> float | None:
    """Percent of the needed results that were loaded."""
    return 100 * trial.hits / trial.asked if trial.asked else None


def relative_makespan(trial: Trial) -> float | None:
    """The makespan in percent of that without a cache."""
    return 100 * trial.makespan / trial.makespan_without if trial.makespan_without else None


def unlimited_makespan(trial: Trial) -> float | None:
    """The makespan with a cache that keeps everything, in percent of that without a cache."""
    return 100 * trial.makespan_unlimited / trial.makespan_without if trial.makespan_without else None


def by_policy(trials: Iterable[Trial], measure: Measure) -> dict[str, Interval]:
    """The measure of each policy, with an interval over workload x seed."""
    return {policy: _interval(units) for policy, units in _units(trials, measure).items()}


def advantage(trials: Iterable[Trial], opponent: str, measure: Measure) -> Interval | None:
    """Points by which our policy is above one opponent, on what both replayed; None where that is nothing."""
    units = _units(trials, measure)
    ours, theirs = units.get(OURS, {}), units.get(opponent, {})
    both = {unit: value - theirs[unit] for unit, value in ours.items() if unit in theirs}
    return _interval(both) if both else None


def best_opponent(trials: Sequence[Trial], measure: Measure) -> tuple[str, Interval] | None:
    """The single policy of the others that ours is least above, and by how much; None where there is no other.

    Those count that were replayed on as much of ours as any: on a part, one is best by chance of which part that is.
    """
    units = _units(trials, measure)
    shared = {name: len(units[name].keys() & units.get(OURS, {}).keys()) for name in _opponents(units)}
    names = [name for name, count in shared.items() if count == max(shared.values())]
    found = [(points, name) for name in names if (points := advantage(trials, name, measure))]
    points, name = min(found, key=lambda one: (one[0].mean, one[1]), default=(None, ""))
    return (name, points) if points else None


def paired_loss(trials: Iterable[Trial], others: Iterable[Trial], measure: Measure) -> Interval | None:
    """What our policy loses from the first trials to the others, on the same streams at the same capacities."""
    at = {(one.workload, one.mix, one.seed, one.share): measure(one) for one in trials if one.policy == OURS}
    lost: dict[tuple[str, int], list[float]] = defaultdict(list)
    for one in others:
        before, after = at.get((one.workload, one.mix, one.seed, one.share)), measure(one)
        if one.policy == OURS and before is not None and after is not None:
            lost[one.workload, one.seed].append(before - after)
    return _interval({unit: statistics.fmean(values) for unit, values in lost.items()}) if lost else None


def worst_gap(trials: Iterable[Trial], seeds: int) -> Gap | None:
    """Where our policy is least above, or most below, the best opponent of one workload and mix of edits.

    The best opponent is the one that our policy is least above in mean. Only pairs of policies count that both replayed
    that many seeds of it; where none did, those with the most seeds that there are.
    """
    gaps = []
    for (workload, mix), some in _grouped(trials, lambda one: (one.workload, one.mix)).items():
        policies = _grouped(some, lambda one: one.policy)
        ours = {(one.seed, one.share): capture(one) for one in policies[OURS]}
        for opponent in _opponents(policies):
            pairs = [(ours.get((one.seed, one.share)), capture(one)) for one in policies[opponent]]
            points = [mine - other for mine, other in pairs if mine is not None and other is not None]
            if points:
                count = len({one.seed for one in policies[opponent]})
                gaps.append(Gap(statistics.fmean(points), workload, mix, opponent, count))
    enough = min(seeds, max((gap.seeds for gap in gaps), default=0))
    return min((gap for gap in gaps if gap.seeds >= enough), default=None)


def harm_of_capacity(trials: Sequence[Trial]) -> float:
    """The most points of capture that more capacity costs our policy, for a workload and mix; 0 where it never does."""
    ours = [one for one in trials if one.policy == OURS]
    harm = 0.0
    for some in _grouped(ours, lambda one: (one.workload, one.mix)).values():
        means = [
            statistics.fmean(found)
            for _, group in sorted(_grouped(some, lambda one: one.share).items())
            if (found := [value for one in group if (value := capture(one)) is not None])
        ]
        best = 0.0
        for mean in means:
            best = max(best, mean)
            harm = max(harm, best - mean)
    return harm


def _opponents(policies: Iterable[str]) -> list[str]:
    return [policy for policy in policies if policy != OURS and policy not in LIMITS_OF_CACHING]


def _units(trials: Iterable[Trial], measure: Measure) -> dict[str, dict[tuple[str, int], float]]:
    """Each policy's mean in each workload x seed, which is what varies independently."""
    found: dict[str, dict[tuple[str, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        value = measure(trial)
        if value is not None:
            found[trial.policy][trial.workload, trial.seed].append(value)
    return {
        policy: {unit: statistics.fmean(values) for unit, values in units.items()} for policy, units in found.items()
    }


def _interval(units: Mapping[tuple[str, int], float], samples: int = 2_000) -> Interval:
    """The mean over workloads, and the 2.5th and 97.5th percentile of the means of units drawn with replacement.

    Every workload counts alike, however many seeds it has.
    """
    seeds = Counter(workload for workload, _ in units)
    weights = np.array([1 / seeds[workload] for workload, _ in units])
    values = np.array(list(units.values()))
    drawn = np.random.default_rng(len(units)).integers(0, len(units), (samples, len(units)))
    means = np.sort((weights * values)[drawn].sum(axis=1) / weights[drawn].sum(axis=1))
    mean = float((weights * values).sum() / weights.sum())
    return Interval(mean, float(means[round(0.025 * samples)]), float(means[round(0.975 * samples) - 1]))


K = TypeVar("K")


def _grouped(trials: Iterable[Trial], key: Callable[[Trial], K]) -> Mapping[K, list[Trial]]:
    groups: dict[K, list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[key(trial)].append(trial)
    return groups
