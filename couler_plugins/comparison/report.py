"""Reports on changes of workflows: figures of the runs before and after, and what else may explain them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from couler_plugins.comparison.effect import FEWEST, Effect, compare_amounts, compare_shares, is_trend, like_for_like
from couler_plugins.comparison.figures import RunFigures, figures_of, totals
from couler_plugins.comparison.versions import Change, Versions, names_of
from couler_plugins.options.prices import Price

RESTRUCTURING = frozenset(("cache", "fuse", "split", "tune"))
"""Optimizers that change steps, so that an edit beside them is not told from what they do."""
COSTS = {"core_hours": "core-hours", "gib_hours": "GiB-hours", "money": "money"}
USES = {"cpu": "CPU used of requested", "memory": "memory used of requested"}
NAMED = 6
STEPS = 10
"""How many steps a comparison lists, those that changed most."""


class Figure(msgspec.Struct, frozen=True):
    """A figure of runs before and after a change.

    Attributes:
        name: what it is called.
        unit: `seconds`, `hours`, `share`, or the currency.
        effect: how it differs.
    """

    name: str
    unit: str
    effect: Effect


class Comparison(msgspec.Struct, frozen=True):
    """A change of a workflow, and its runs before and after.

    Attributes:
        workflow, engine: what ran.
        optimizers: those whose settings differ; None where the history does not say.
        is_edit: whether something else of the workflow differs; None where the history does not say.
        runs_before, runs_after: how many runs there are.
        first: when the first run after the change ended, in seconds since 1970.
        figures: what is known on both sides.
        steps: seconds of single steps, those first that changed most.
        caveats: what else may explain a difference, and what is not in the figures.
    """

    workflow: str
    engine: str
    optimizers: tuple[str, ...] | None
    is_edit: bool | None
    runs_before: int
    runs_after: int
    first: float
    figures: tuple[Figure, ...]
    steps: tuple[Figure, ...]
    caveats: tuple[str, ...]


class Gap(msgspec.Struct, frozen=True):
    """A workflow of which nothing can be compared, or some runs cannot.

    Attributes:
        workflow, engine: what ran.
        reason: why, and what to do.
    """

    workflow: str
    engine: str
    reason: str


class Report(msgspec.Struct, frozen=True):
    """What a history says of all changes in it."""

    comparisons: tuple[Comparison, ...]
    gaps: tuple[Gap, ...]


def report_on(workflows: Sequence[Versions], prices: Sequence[Price] = (), seed: int = 0) -> Report:
    """Return the report on workflows.

    Args:
        workflows: their runs by version.
        prices: what nodes cost; without any, money is not compared.
        seed: of the resampling: equal input gives equal figures.
    """
    comparisons = [compare(change, prices, seed) for one in workflows for change in one.changes if _has_both(change)]
    return Report(tuple(comparisons), tuple(gap for one in workflows for gap in _gaps(one)))


def _has_both(change: Change) -> bool:
    return bool(change.before and change.after)


def _gaps(one: Versions) -> Iterator[Gap]:
    count = f"{one.unknown:,} of {one.unknown + one.runs:,} runs have no version"
    if one.unknown:
        hint = "give the time of the change with --at, or fetch them again if their engine tells versions"
        yield Gap(one.workflow, one.engine, f"{count}, and are left out: {hint}")
    if one.runs and not any(map(_has_both, one.changes)):
        sides = "all runs are on one side of that time" if one.changes else "all runs are of one version"
        yield Gap(one.workflow, one.engine, f"{sides}: there is nothing to compare yet ({one.runs:,} runs)")


def compare(change: Change, prices: Sequence[Price] = (), seed: int = 0) -> Comparison:
    """Return what differs between the runs before and after a change."""
    names = names_of([*change.before, *change.after])
    sides = [[figures_of(run, prices, names) for run in runs] for runs in (change.before, change.after)]
    caveats = list(_caveats(change, sides, seed))
    figures = [*_figures(sides, seed, prices[0].currency if prices else "", caveats)]
    if min(map(len, sides)) < FEWEST:
        caveats.insert(0, f"a side has fewer than {FEWEST} runs: too few to tell a change from chance")
    return Comparison(
        workflow=change.workflow,
        engine=change.engine,
        optimizers=change.optimizers,
        is_edit=change.is_edit,
        runs_before=len(sides[0]),
        runs_after=len(sides[1]),
        first=min(run.at for run in change.after),
        figures=tuple(figures),
        steps=_steps(sides, seed),
        caveats=tuple(caveats),
    )


Sides = Sequence[Sequence[RunFigures]]


def _figures(sides: Sides, seed: int, currency: str, caveats: list[str]) -> Iterator[Figure]:
    done = [[run for run in side if not run.failed] for side in sides]
    times = [[(run.seconds, run.inputs) for run in side if run.seconds] for side in done]
    pairs = [[pair[0] for pair in side if pair[0]] for side in times]
    yield from _figure("duration", "seconds", compare_amounts(*pairs, seed=seed))
    yield from _figure("a step, like for like", "seconds", compare_amounts(*_like_for_like(done), seed=seed))
    inputs = [[pair[1] for pair in side if pair[1]] for side in times]
    if [*map(len, inputs)] == [*map(len, pairs)] and len({*inputs[0], *inputs[1]}) > 1:
        yield from _figure("duration at equal input", "seconds", compare_amounts(*pairs, sizes=inputs, seed=seed))
    for name, title in COSTS.items():
        amounts, lacking = totals([run for side in done for run in side], name)
        split = amounts[: len(done[0])], amounts[len(done[0]) :]
        sums = [[amount for amount in side if amount is not None] for side in split]
        unit = currency if name == "money" else "hours"
        if name != "money" or currency:
            yield from _figure(title, unit, compare_amounts(*sums, seed=seed))
            if lacking and any(sums):
                caveats.append(f"{title} leave out steps that lack a figure in some run ({_list(lacking)})")
    yield from _figure("failed runs", "share", compare_shares(*([run.failed for run in side] for side in sides)))
    if any(run.has_lookups for side in done for run in side):
        rates = [[run.cached for run in side if run.cached is not None] for side in done]
        yield from _figure("results from the cache", "share", compare_amounts(*rates, scale="difference", seed=seed))
    for name, title in USES.items():
        shares = [[share for run in side if (share := getattr(run, name)) is not None] for side in sides]
        yield from _figure(title, "share", compare_amounts(*shares, scale="difference", seed=seed))


def _like_for_like(done: Sides) -> list[list[float]]:
    """Return the time of a typical step in each run, over the steps that all runs have computed."""
    runs = [run.typical for side in done for run in side]
    common = sorted(runs[0].keys() & set.intersection(*({*run} for run in runs))) if runs else []
    if len(common) < 2:
        return [[], []]
    times = like_for_like(np.array([[run[site] for site in common] for run in runs])).tolist()
    return [times[: len(done[0])], times[len(done[0]) :]]


def _figure(name: str, unit: str, effect: Effect | None) -> Iterator[Figure]:
    if effect is not None:
        yield Figure(name, unit, effect)


def _steps(sides: Sides, seed: int) -> tuple[Figure, ...]:
    """Return the steps of both sides whose time is known, those first whose seconds changed most."""
    done = [[run.steps for run in side if not run.failed] for side in sides]
    labels = dict.fromkeys(label for side in done for steps in side for label in steps)
    figures: list[Figure] = []
    for label in labels:
        times = [[time for steps in side if (time := steps.get(label)) is not None] for side in done]
        effect = compare_amounts(*times, seed=seed)
        if effect is not None:
            figures.append(Figure(label, "seconds", effect))
    return tuple(sorted(figures, key=lambda one: -abs(one.effect.after - one.effect.before))[:STEPS])


def _caveats(change: Change, sides: Sides, seed: int) -> Iterator[str]:
    """Yield what else may explain a difference, the weightiest first."""
    optimizers = change.optimizers
    if optimizers is None:
        yield "the history does not say which optimizers changed: any edit of the workflow counts as well"
    elif len(optimizers) > 1:
        yield f"{', '.join(optimizers[:-1])} and {optimizers[-1]} changed at once: nothing tells their effects apart"
    if change.is_edit and RESTRUCTURING & {*(optimizers or ())}:
        some = " and ".join(sorted(RESTRUCTURING & {*(optimizers or ())}))
        yield f"steps changed as well: {some} may have done that, or somebody has edited the workflow"
    elif change.is_edit:
        yield "the workflow itself was edited as well"
    if change.is_edit and optimizers:
        yield "settings of steps that came or went count for their optimizers as well"
    yield from _input_caveats(sides, seed)
    versions = [
        sorted({run.engine_version for run in side if run.engine_version}) for side in (change.before, change.after)
    ]
    if versions[0] != versions[1] and all(versions):
        yield f"the engine changed as well: {_list(versions[0])} before, {_list(versions[1])} after"
    elif not all(versions):
        yield "the history does not say whether the engine's version changed"
    for side, word in zip(sides, ("before", "after"), strict=True):
        trend = is_trend([run.seconds for run in side if run.seconds and not run.failed])
        if trend:
            yield f"runs became {'longer' if trend > 0 else 'shorter'} already within the time {word} the change"
    if _overlap(change):
        yield "runs of both versions overlap in time"
    for runs, word in zip((change.before, change.after), ("before", "after"), strict=True):
        days = {int(run.at // 86400) for run in runs}
        if len(runs) >= FEWEST and len(days) == 1:
            yield f"all runs {word} the change are of one day: what was special about that day counts as well"


def _input_caveats(sides: Sides, seed: int) -> Iterator[str]:
    inputs = [[run.inputs for run in side if run.inputs] for side in sides]
    counts = [[float(run.size) for run in side if run.size] for side in sides]
    for what, pair in (("the input", inputs), ("the number of steps in a run", counts)):
        effect = compare_amounts(*pair, seed=seed)
        if effect is not None and effect.is_change:
            yield f"{what} changed as well: {effect.change:+.0%}"
    if not all(inputs):
        yield "the history does not say how large inputs were"


def _overlap(change: Change) -> bool:
    before, after = ([run.at for run in runs if run.at] for runs in (change.before, change.after))
    return bool(before and after) and max(before) > min(after) and max(after) > min(before)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
