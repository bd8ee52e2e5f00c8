"""Figures of single runs: how long they took, what they cost, and how much of what they asked for they used."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from couler_plugins.costs.estimate import HOUR, Amounts, cost_of, reserved
from couler_plugins.documents.mappings import by_key
from couler_plugins.options.prices import Price
from couler_plugins.runs import Attempt, Run, StepRun, site_of

AMOUNTS = ("core_hours", "gib_hours", "money")
Costs = Mapping[str, Amounts]


class RunFigures(NamedTuple):
    """What is known of one run; None where it is not.

    Attributes:
        at: when it ended.
        failed: whether it did.
        seconds: from its first start to its last end.
        costs: what each site of it cost.
        steps: the seconds of each site, of all its attempts.
        typical: the geometric mean of the seconds of each site that computed all of its results, over the items of a
            loop; none of sites that `fuse` has changed.
        cached: the share of its results that came from a cache.
        has_lookups: whether any result was looked up in a cache.
        cpu, memory: the share of what its pods asked for that they used.
        inputs: the bytes that its steps read.
        size: how many steps it had.
    """

    at: float
    failed: bool
    seconds: float | None
    costs: Costs
    steps: Mapping[str, float | None]
    typical: Mapping[str, float]
    cached: float | None
    has_lookups: bool
    cpu: float | None
    memory: float | None
    inputs: float | None
    size: int


def figures_of(run: Run, prices: Sequence[Price], names: Mapping[str, str]) -> RunFigures:
    """Return the figures of a run.

    Args:
        run: the run.
        prices: what nodes cost.
        names: what sites are called, where they are compared as one.
    """
    sites = by_key((names.get(site_of(ran), site_of(ran)), ran) for ran in run.steps)
    tries = [one for ran in run.steps for one in ran.tries]
    results = [ran.fate for ran in run.steps if ran.artifact and ran.fate in ("computed", "loaded", "failed")]
    inputs = [one.input_bytes for one in tries if one.input_bytes is not None]
    return RunFigures(
        at=run.at,
        failed=not run.whole,
        seconds=_duration(run),
        costs={site: _cost(steps, prices) for site, steps in sites.items()},
        steps={site: _seconds(steps) for site, steps in sites.items()},
        typical=_typical({site: steps for site, steps in sites.items() if site not in names.values()}),
        cached=results.count("loaded") / len(results) if results else None,
        has_lookups=any(ran.lookup is not None or ran.fate == "loaded" for ran in run.steps),
        cpu=_utilisation((one, use.cpu, use.cpu_request) for one in tries for use in one.containers),
        memory=_utilisation((one, use.memory, use.memory_request) for one in tries for use in one.containers),
        inputs=float(sum(inputs)) if inputs and sum(inputs) > 0 else None,
        size=sum(ran.fate != "skipped" for ran in run.steps),
    )


def totals(runs: Sequence[RunFigures], name: str) -> tuple[list[float | None], list[str]]:
    """Return an amount of each run over those sites of which it is known in all runs, and the sites left out."""
    lacking = {site for run in runs for site, cost in run.costs.items() if getattr(cost, name) is None}
    whole = {site for run in runs for site in run.costs} - lacking
    sums = [sum(getattr(cost, name) for site, cost in run.costs.items() if site in whole) for run in runs]
    return [*sums] if whole else [None] * len(runs), sorted(lacking)


def _duration(run: Run) -> float | None:
    tries = [one for ran in run.steps for one in ran.tries]
    lookups = [ran.lookup for ran in run.steps if ran.lookup is not None and ran.lookup.began is not None]
    starts = [one.start for one in tries if one.start is not None] + [one.began for one in lookups if one.began]
    ends = [one.end for one in tries if one.end is not None]
    ends += [one.began + one.seconds for one in lookups if one.began and one.seconds is not None]
    return max(ends) - min(starts) if starts and ends and max(ends) >= min(starts) else None


def _seconds(steps: Sequence[StepRun]) -> float | None:
    """Return how long the pods of a site ran; what was skipped or loaded from a cache took nothing."""
    times = [one.seconds for ran in steps for one in ran.tries] or [
        0.0 if ran.fate in ("skipped", "loaded") else ran.seconds for ran in steps
    ]
    return None if None in times else math.fsum(filter(None, times))


def _typical(sites: Mapping[str, Sequence[StepRun]]) -> dict[str, float]:
    times = {site: [ran.seconds if ran.fate == "computed" else None for ran in steps] for site, steps in sites.items()}
    whole = {site: [time for time in some if time] for site, some in times.items() if all(some)}
    return {site: math.exp(math.fsum(map(math.log, some)) / len(some)) for site, some in whole.items()}


def _cost(steps: Iterable[StepRun], prices: Sequence[Price]) -> Amounts:
    sums: dict[str, float | None] = defaultdict(float)
    for attempt in (one for ran in steps for one in ran.tries):
        cores = reserved([("main", use.cpu_request, use.cpu) for use in attempt.containers])
        memory = reserved([("main", use.memory_request, use.memory) for use in attempt.containers])
        price = next((one for one in prices if one.fits({}, [attempt.node] if attempt.node else [])), None)
        cost = None if attempt.seconds is None else cost_of(attempt.seconds, cores, memory, price)
        for name in AMOUNTS:
            before, more = sums[name], None if cost is None else getattr(cost, name)
            sums[name] = None if before is None or more is None else before + more
    return Amounts(**{name: sums[name] for name in AMOUNTS})


def _utilisation(uses: Iterable[tuple[Attempt, float | None, float | None]]) -> float | None:
    """Return what was used over what was asked for, weighted by time; what asked for nothing is left out."""
    whole = [
        (one.seconds, use, request)
        for one, use, request in uses
        if one.seconds and use is not None and request and not one.partial
    ]
    requested = math.fsum(time * request for time, _, request in whole) / HOUR
    return math.fsum(time * use for time, use, _ in whole) / HOUR / requested if requested else None
