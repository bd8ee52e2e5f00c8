"""How much sooner runs end where the steps with the longest path behind them go first: in simulation, over traces.

python -m benchmarks.prioritize --traces FOLDER --json prioritize.json --plot prioritize.svg

Each trace (WfFormat) runs with half as many slots as it has steps at once where nothing limits them. Engines start
steps in the order in which they are ready (`ready`), those with most steps behind them first (`airflow`), or what the
first leaf by name needs first, in an order that they draw (`argo`; the mean of five). Without `--traces`, the traces
are those of the corpus beside the repository.

The gap of an engine is what its own order takes beyond a bound that no order goes below: the critical path, or the
work of the steps that start no earlier than one of them (or have no less behind them), over the slots, with the least
time before and behind it. Times are shares of that bound.

Figures:

gap_closed          the share of the gap that `prioritize` closes, by engine, and of all (`all`): sums over the traces
gap_closed_mean     the mean of the shares of those traces that have a gap, by engine
gap                 the gap over the bound, by engine: the mean
worse               traces whose run takes longer than in the engine's own order, over all engines
changed             traces whose order is changed, by engine
noise               the same where `prioritize` knows times that are off by a log-normal factor of that sigma, each step
                    by itself: `gap_closed` of all, what is `lost` of it, runs that are `worse`, and by how much at most
no_times            the same where it knows no times at all
classes             `gap_closed` of priority classes, by their number, over an engine of `ready`
traces              each: steps, slots, the bound, and times before and after by engine, in seconds
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.harness import arguments, finish, tell
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.ordering import StartRule
from couler_plugins.ordering.priorities import Ranks, behind, gain_of, in_turn, levels, makespan, own_orders, width
from couler_plugins.runs import Run
from couler_plugins.runs.order import children_of
from couler_plugins.runs.wfformat import read_wfformat
from couler_plugins.simulation.planned import GUESS, Planned

SHARED = Path(os.environ.get("COULER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
Rank = Callable[[Mapping[str, float]], Ranks]
ENGINES: dict[str, tuple[StartRule, Rank]] = {
    "ready": ("ready", levels),
    "airflow": ("downstream", levels),
    "argo": ("leaves", in_turn),
}
"""By name, how an engine starts steps, and the ranks that `prioritize` gives them there."""
SIGMAS, CLASSES = (0.1, 0.3, 1.0), (2, 3, 5)
SAME = 1e-6
"""The share of the bound below which there is no gap, or no difference."""


@dataclass(frozen=True)
class Trial:
    """A trace on an engine, before and after, in seconds.

    Attributes:
        bound: what no order goes below.
        before: the engine's own order, the mean where it draws one.
        after: what `prioritize` leaves.
        changed: whether it changes the order.
    """

    bound: float
    before: float
    after: float
    changed: bool

    @property
    def gap(self) -> float:
        """The share of the bound that the engine's own order takes beyond it; 0 where it is next to nothing."""
        gap = self.before / self.bound - 1
        return gap if gap > SAME else 0.0

    @property
    def closed(self) -> float:
        """The share of the bound that is won; below 0 where the run takes longer."""
        return (self.before - self.after) / self.bound


def tasks_of(run: Run) -> Planned:
    """Return a trace as what a workflow would run.

    Raises:
        InvalidInput: no step takes any time, or all run one after another.
    """
    tasks = Planned(
        steps=[step.step for step in run.steps],
        seconds=[step.seconds or 0.0 for step in run.steps],
        parents=[step.parents for step in run.steps],
        junctions=frozenset(),
        call_sites=len(run.steps),
        unknown=0,
        guess=GUESS,
        endless=0,
    )
    if not tasks.work or width(tasks) < 2:
        raise InvalidInput("no two steps ever run at once: there is nothing to order")
    return tasks


def bound(tasks: Planned, slots: int) -> float:
    """Return seconds that no order goes below."""
    heads = [0.0] * len(tasks.seconds)
    for task, parents in enumerate(tasks.parents):
        heads[task] = max((heads[parent] + tasks.seconds[parent] for parent in parents), default=0.0)
    tails, children = [0.0] * len(heads), children_of(tasks.parents)
    for task in range(len(heads) - 1, -1, -1):
        tails[task] = max((tails[child] + tasks.seconds[child] for child in children[task]), default=0.0)
    best = max(head + own + tail for head, own, tail in zip(heads, tasks.seconds, tails, strict=True))
    for first, second in ((heads, tails), (tails, heads)):
        work, least = 0.0, float("inf")
        for task in sorted(range(len(first)), key=lambda task: -first[task]):
            work, least = work + tasks.seconds[task], min(least, second[task])
            best = max(best, first[task] + work / slots + least)
    return best


def trial(tasks: Planned, engine: str, known: Planned, rank: Rank | None = None) -> Trial:
    """Run a trace on an engine.

    Args:
        tasks: the trace.
        engine: one of `ENGINES`.
        known: the same with the times that `prioritize` knows.
        rank: the ranks that it gives; those of the engine, unless given.
    """
    rule, usual = ENGINES[engine]
    slots, own = max(1, width(tasks) // 2), own_orders(rule, tasks)
    gain = gain_of(known, slots, own, (rank or usual)(behind(known)))
    before = fmean(makespan(tasks, slots, ranks) for ranks in own)
    after = makespan(tasks, slots, gain.ranks) if gain.helps else before
    return Trial(bound(tasks, slots), before, after, gain.helps)


def summary(trials: Sequence[Trial]) -> dict[str, float]:
    """Return what is closed of the gaps, runs that are worse, and by which share of the bound at most."""
    gap = sum(one.gap for one in trials)
    return {
        "gap_closed": round(sum(one.closed for one in trials if one.gap) / gap, 4) if gap else 1.0,
        "worse": sum(one.closed < -SAME for one in trials),
        "worst": round(max(-min((one.closed for one in trials), default=0.0), 0.0), 4),
    }


def noisy(tasks: Planned, sigma: float, seed: int) -> Planned:
    """Return a trace whose times are off, each by itself."""
    chance = random.Random(f"{sigma}:{seed}")
    return replace(tasks, seconds=[seconds * chance.lognormvariate(0, sigma) for seconds in tasks.seconds])


def read(folder: Path) -> Iterator[tuple[str, Planned]]:
    """Read the traces of a folder; what cannot be used is reported on stderr."""
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            if not name.endswith(".edits.json"):
                yield name.removesuffix(".json"), tasks_of(read_wfformat(path.read_bytes(), name))
        except (InvalidInput, OSError) as error:
            tell(f"left out: {name}: {error}")


def figures_of(traces: Mapping[str, Planned], draws: int, seed: int) -> dict[str, Any]:
    """Return all figures.

    Args:
        traces: by name.
        draws: how often times are drawn that are off.
        seed: of that.
    """
    exact = {engine: {name: trial(tasks, engine, tasks) for name, tasks in traces.items()} for engine in ENGINES}
    everything = [one for trials in exact.values() for one in trials.values()]
    total = summary(everything)

    def compare(change: Callable[[Planned], Planned]) -> dict[str, float]:
        return summary([trial(tasks, engine, change(tasks)) for engine in ENGINES for tasks in traces.values()])

    noise = {}
    for sigma in SIGMAS:
        drawn = [compare(partial(noisy, sigma=sigma, seed=seed + draw)) for draw in range(draws)]
        closed = fmean(one["gap_closed"] for one in drawn)
        lost = round(total["gap_closed"] - closed, 4)
        worse, worst = fmean(one["worse"] for one in drawn), max(one["worst"] for one in drawn)
        noise[str(sigma)] = {"gap_closed": round(closed, 4), "lost": lost, "worse": worse, "worst": worst}
    by_class = {
        str(count): summary([trial(tasks, "ready", tasks, partial(levels, count=count)) for tasks in traces.values()])[
            "gap_closed"
        ]
        for count in CLASSES
    }
    shares = {name: [one.closed / one.gap for one in some.values() if one.gap] for name, some in exact.items()}
    return {
        "gap_closed": {name: summary([*some.values()])["gap_closed"] for name, some in exact.items()}
        | {"all": total["gap_closed"]},
        "gap_closed_mean": {name: round(fmean(some), 4) if some else 1.0 for name, some in shares.items()},
        "gap": {name: round(fmean(one.gap for one in some.values()), 4) for name, some in exact.items()},
        "worse": total["worse"],
        "changed": {name: sum(one.changed for one in some.values()) for name, some in exact.items()},
        "noise": noise,
        "no_times": compare(lambda tasks: replace(tasks, seconds=[GUESS] * len(tasks.seconds))),
        "classes": by_class,
        "traces": {
            name: _row(tasks, {key: some[name] for key, some in exact.items()}) for name, tasks in traces.items()
        },
    }


def _row(tasks: Planned, trials: Mapping[str, Trial]) -> dict[str, Any]:
    times = {name: [round(one.before, 2), round(one.after, 2)] for name, one in trials.items()}
    (least, *_) = (one.bound for one in trials.values())
    return {"steps": len(tasks.steps), "slots": max(1, width(tasks) // 2), "bound": round(least, 2), **times}


def main() -> None:
    options = arguments(__doc__ or "", "a folder of WfFormat traces, instead of the corpus")
    traces = dict(read(options.traces or SHARED / "corpus" / "traces"))
    if not traces:
        raise SystemExit("there is no trace: name a folder of them with --traces")
    figures = figures_of(traces, 1 if options.quick else 5, options.seed)
    left_over = {name: 1 - share for name, share in figures["gap_closed"].items()}
    bars = {f"gap left, {name}": share for name, share in left_over.items()} | {"worse": float(figures["worse"])}
    finish(options, figures, bars, {name: 1.0 if name == "worse" else 0.5 for name in bars})


if __name__ == "__main__":
    main()
