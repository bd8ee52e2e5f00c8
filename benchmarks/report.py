"""How often `couler report` finds an effect that is there, and one that is not.

python -m benchmarks.report --traces FOLDER --json report.json --plot report.svg

Each trial is a history of 20 runs before a change and 20 after it. The figures of a report are computed from it as the
command does it. An effect of 10 % is injected: all steps after the change take 0.9 of their time. A trial finds it
where the interval of the duration, or that of a step, like for like, leaves out 0 and lies below it. A false alarm is
an interval of either of them that leaves out 0 where both sides are equal.

Traces (WfFormat) say how steps of one kind vary: a run draws the seconds of each step from the recorded ones of its
kind, and its time is that of its critical path. That says nothing of what all steps of a run share, such as a busy
cluster. So each run has a log-normal factor as well (`--shared`). Its default, 0.09, is how much whole runs vary: the
standard deviation of the logarithm of makespans, the median over the 11 workflows that WfInstances of WfCommons (commit
f085867) has recorded five times with one input. Without `--traces`, the traces are those of the corpus beside the
repository.

Figures:

found               the share of the trials in which the effect is found, a trace drawn for each
false_alarms        the share of the trials in which a difference is reported where there is none, either way
false_alarms_any    the share of such trials in which any figure of the report is a change
found_duration      as `found`, by the duration alone
found_steps_only    as `found`, where runs share no factor, and only their steps vary as in the traces
found_heavy         as `found`, where one run of ten takes 1.5 to 3 times as long
false_alarms_heavy  as `false_alarms`, the same
false_alarms_few    as `false_alarms`, with 6 runs before and 20 after
found_inputs        as `found`, where inputs vary log-normally by 0.4 and times with them: by the figure at equal input
false_alarms_inputs as `false_alarms`, the same, inputs being 1.3 times as large after the change: at equal input
found_raw, false_alarms_raw: the same two without looking at inputs
power               the share found, and the share of false alarms, by the standard deviation of the logarithm of the
                    times of runs, log-normal: how much runs may vary for 20 runs a side
by_trace            each trace: the share found, the standard deviation of the logarithm of its runs' times (`spread`),
                    and the coefficient of variation of its steps' seconds by kind, weighted by their time (`steps`)
spread              the median over the traces of `spread`, and the median of `steps`
trials, runs        how many trials each share is of, and how many runs a side
"""

from __future__ import annotations

import math
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, median, pstdev, stdev
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import finish, parser, tell
from couler_plugins.comparison.effect import Effect, compare_amounts, like_for_like
from couler_plugins.comparison.report import compare
from couler_plugins.comparison.versions import Change
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from couler_plugins.runs.wfformat import read_wfformat

SHARED = Path(os.environ.get("COULER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
RUNS, EFFECT, FEW = 20, 0.9, 6
SPREADS = (0.05, 0.09, 0.12, 0.15, 0.2, 0.3)
ENOUGH = 5
"""Steps of one kind whose seconds say how they vary."""
POOL = 400
"""Runs that are drawn of each trace, of which trials take theirs."""
Draw = Callable[[random.Random], "Drawn"]


class Drawn(NamedTuple):
    """A run that was drawn: its seconds, and those of its steps."""

    seconds: float
    steps: tuple[float, ...]

    def times(self, factor: float) -> Drawn:
        """Return a run that takes so many times as long."""
        return Drawn(self.seconds * factor, tuple(step * factor for step in self.steps))


class Trace(NamedTuple):
    """A recorded run.

    Attributes:
        parents: of each step, each before it.
        kinds: of each step, the seconds of all of its kind.
        steps: the coefficient of variation of seconds by kind, weighted by their time.
    """

    parents: Sequence[tuple[int, ...]]
    kinds: Sequence[Sequence[float]]
    steps: float

    def draw(self, chance: random.Random) -> Drawn:
        """Return a run."""
        ends: list[float] = []
        own = tuple(chance.choice(seconds) for seconds in self.kinds)
        for parents, seconds in zip(self.parents, own, strict=True):
            ends.append(max((ends[parent] for parent in parents), default=0.0) + seconds)
        return Drawn(max(ends), own)


def trace_of(run: Run) -> Trace:
    """Return a recorded run as what others are drawn from.

    Raises:
        InvalidInput: no step takes any time.
    """
    by_kind: dict[str, list[float]] = defaultdict(list)
    for step in run.steps:
        by_kind[step.type].append(step.seconds or 0.0)
    usable = {kind: some for kind, some in by_kind.items() if len(some) >= ENOUGH}
    kinds = [usable.get(step.type, [step.seconds or 0.0]) for step in run.steps]
    total = sum(map(sum, usable.values()))
    if not sum(map(sum, by_kind.values())):
        raise InvalidInput("no step takes any time")
    spread = sum(stdev(some) * len(some) for some in usable.values()) / total if total else 0.0
    return Trace([step.parents for step in run.steps], kinds, spread)


def read(folder: Path) -> Iterator[tuple[str, Trace]]:
    """Read the traces of a folder; what cannot be used is reported on stderr."""
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            if not name.endswith(".edits.json"):
                yield name.removesuffix(".json"), trace_of(read_wfformat(path.read_bytes(), name))
        except (InvalidInput, OSError) as error:
            tell(f"left out: {name}: {error}")


class Shares(NamedTuple):
    """Shares of trials: in which an effect is found, by the duration alone, and of false alarms."""

    found: float
    by_duration: float
    alarms: float


class Judge:
    """Draws histories, and counts what is found in them.

    Args:
        trials: how many.
        seed: of all that is drawn.
    """

    def __init__(self, trials: int, seed: int) -> None:
        self.trials, self._seed = trials, seed

    def shares(self, draws: Sequence[Draw], name: str, before: int = RUNS) -> Shares:
        """Return the shares over trials that take their runs from these, one after the other."""
        counts: list[Shares] = []
        for trial in range(self.trials):
            chance, draw = random.Random(f"{self._seed}:{name}:{trial}"), draws[trial % len(draws)]
            old, new = ([draw(chance) for _ in range(count)] for count in (before, RUNS))
            effects = effects_of(old, [run.times(EFFECT) for run in new], trial)
            equal = effects_of(old, new, trial)
            counts.append(Shares(any(map(is_less, effects)), is_less(effects[0]), any(map(is_change, equal))))
        return Shares(*(fmean(some) for some in zip(*counts, strict=True)))

    def shares_of_inputs(self, spread: float) -> dict[str, float]:
        """Return the same where inputs vary, with and without a look at them."""
        counts: dict[str, list[bool]] = defaultdict(list)
        for trial in range(self.trials):
            chance = random.Random(f"{self._seed}:inputs:{trial}")
            sizes = [[chance.lognormvariate(0, 0.4) for _ in range(RUNS)] for _ in range(2)]
            old, new = ([size * chance.lognormvariate(0, spread) for size in side] for side in sizes)
            faster = [time * EFFECT for time in new]
            counts["found_inputs"].append(is_less(compare_amounts(old, faster, sizes=sizes, seed=trial)))
            counts["found_raw"].append(is_less(compare_amounts(old, faster, seed=trial)))
            larger, slower = [1.3 * size for size in sizes[1]], [1.3 * time for time in new]
            level = compare_amounts(old, slower, sizes=(sizes[0], larger), seed=trial)
            counts["false_alarms_inputs"].append(is_change(level))
            counts["false_alarms_raw"].append(is_change(compare_amounts(old, slower, seed=trial)))
        return {name: fmean(some) for name, some in counts.items()}

    def any_alarm(self, spread: float) -> float:
        """Return the share of reports on equal sides in which any figure is a change."""
        alarms = []
        for trial in range(self.trials):
            chance = random.Random(f"{self._seed}:any:{trial}")
            runs = [run_of(600 * chance.lognormvariate(0, spread), chance, number) for number in range(2 * RUNS)]
            whole = compare(Change("w", "", runs[:RUNS], runs[RUNS:], (), False), seed=trial)
            alarms.append(any(figure.effect.is_change for figure in whole.figures))
        return fmean(alarms)


def effects_of(old: Sequence[Drawn], new: Sequence[Drawn], seed: int) -> list[Effect | None]:
    """Return how the durations differ, and the time of a step, like for like, where there are several."""
    effects = [compare_amounts([run.seconds for run in old], [run.seconds for run in new], seed=seed)]
    seconds = np.array([run.steps for run in (*old, *new)])
    common = seconds[:, (seconds > 0).all(axis=0)]
    if common.shape[1] > 1:
        index = like_for_like(common).tolist()
        effects.append(compare_amounts(index[: len(old)], index[len(old) :], seed=seed))
    return effects


def run_of(seconds: float, chance: random.Random, number: int) -> Run:
    """Return a run of one step, as a history has it: one of ten fails, and its use varies."""
    start = 86400.0 * number
    use = ContainerUse(
        container="main",
        cpu_request=4.0,
        memory_request=8 << 30,
        cpu=min(3.5, 2 * chance.lognormvariate(0, 0.2)),
        memory=round((3 << 30) * chance.lognormvariate(0, 0.2)),
    )
    attempt = Attempt(start=start, end=start + seconds, succeeded=True, containers=(use,))
    step = StepRun(step="a", type="a", spec="a", key="a", seconds=seconds, tries=(attempt,))
    return Run(family="w", steps=(step,), whole=chance.random() > 0.1, at=start + seconds)


def is_change(effect: Effect | None) -> bool:
    """Return whether a difference is reported."""
    return effect is not None and effect.is_change


def is_less(effect: Effect | None) -> bool:
    """Return whether it is reported that runs became shorter."""
    return effect is not None and effect.is_change and effect.change < 0


def shared(draw: Draw, spread: float) -> Draw:
    """Return what draws a run with a factor that all of its steps share."""
    return lambda chance: draw(chance).times(chance.lognormvariate(0, spread))


def heavy(draw: Draw) -> Draw:
    """Return what draws a run of which one of ten takes much longer."""
    return lambda chance: draw(chance).times(chance.uniform(1.5, 3) if chance.random() < 0.1 else 1)


def figures_of(traces: Mapping[str, Trace], trials: int, spread: float, seed: int) -> dict[str, Any]:
    """Return all figures.

    Args:
        traces: by name.
        trials: how many for each share.
        spread: sigma of the factor that all steps of a run share.
        seed: of all that is drawn.
    """
    judge, few, chance = Judge(trials, seed), Judge(max(1, trials // 4), seed), random.Random(seed)
    pools = {name: [trace.draw(chance) for _ in range(POOL)] for name, trace in traces.items()}
    alone = {name: partial(pick, pool) for name, pool in pools.items()}
    whole = {name: shared(draw, spread) for name, draw in alone.items()}
    logs = {name: pstdev(math.log(draw(chance).seconds) for _ in range(POOL)) for name, draw in whole.items()}
    tell("runs are drawn")
    usual = judge.shares([*whole.values()], "usual")
    heavily = judge.shares([heavy(draw) for draw in whole.values()], "heavy")
    by_trace = {name: few.shares([draw], name) for name, draw in whole.items()}
    tell("the traces are done")
    power = {str(sigma): judge.shares([shared(bare, sigma)], str(sigma)) for sigma in SPREADS}
    steps = median(trace.steps for trace in traces.values())
    return {
        "found": usual.found,
        "found_duration": usual.by_duration,
        "false_alarms": usual.alarms,
        "found_steps_only": judge.shares([*alone.values()], "alone").found,
        "found_heavy": heavily.found,
        "false_alarms_heavy": heavily.alarms,
        "false_alarms_few": judge.shares([shared(bare, spread)], "few", FEW).alarms,
        "false_alarms_any": judge.any_alarm(spread),
        **judge.shares_of_inputs(spread),
        "power": {name: {"found": one.found, "false_alarms": one.alarms} for name, one in power.items()},
        "by_trace": {
            name: {"found": by_trace[name].found, "spread": round(logs[name], 4), "steps": round(trace.steps, 4)}
            for name, trace in traces.items()
        },
        "spread": {"runs": round(median(logs.values()), 4), "steps": round(steps, 4), "shared": spread},
        "trials": trials,
        "runs": RUNS,
    }


def pick(pool: Sequence[Drawn], chance: random.Random) -> Drawn:
    """Return one of the runs that were drawn."""
    return chance.choice(pool)


def bare(_: random.Random) -> Drawn:
    """Return a run of one step that always takes ten minutes."""
    return Drawn(600.0, (600.0,))


def main() -> None:
    flags = parser(__doc__ or "", "a folder of WfFormat traces, instead of the corpus")
    flags.add_argument("--shared", type=float, default=0.09, help="sigma of the factor that all steps of a run share")
    options = flags.parse_args()
    traces = dict(read(options.traces or SHARED / "corpus" / "traces"))
    if not traces:
        raise SystemExit("there is no trace: name a folder of them with --traces")
    figures = figures_of(traces, 40 if options.quick else 200, options.shared, options.seed)
    bars = {"missed": 1 - figures["found"], "false alarms": figures["false_alarms"]}
    finish(options, figures, bars, {"missed": 0.2, "false alarms": 0.05})


if __name__ == "__main__":
    main()
