"""What becomes of workflows whose attempts fail, with the retries that `guard` writes, and without.

python -m benchmarks.failures --json failures.json [--traces FOLDER] [--plot failures.png] [--pipeline guard]

Connected cuts of 10 to 100 steps of traces of real runs (WfFormat; without the folder, of workflows of our own) become
Argo workflows, half of whose steps are declared idempotent. The pipeline runs over each, and the retries in what it
writes are replayed as Argo decides on them (benchmarks/failures_argo.py), under faults that are drawn by attempt
(benchmarks/failures_faults.py, texts in benchmarks/failures_forms.py). Every strategy sees the same faults.

A step that has failed by itself fails at each further attempt. One that was out of memory needs 1.5 times the memory
that it had. One that was throttled is throttled until the window of a rate limit is over, which is 60 s long and began
at any time. What is of the machines hits each attempt anew. A pod takes 10 s until its program runs.

Figures, of each trace under `traces`, of each strategy of others under `baselines`, and over all:

completion_without, completion_with, completion_gain
                      the share of runs in which all steps succeed, and the difference; `completion_gain_interval` is
                      where the mean over seeds is with 95 %
completion_bound      the share where nothing is lost but what fails by itself, and what is not idempotent and had begun
deterministic_retried attempts of steps that had failed by themselves
effects_repeated      steps that are not idempotent whose program began more than once
wasted_seconds_…      of a run: failed attempts, waits between attempts, and steps that succeeded in a run that did not
                      complete; each by itself under `wasted`
makespan_growth       of runs that complete: how much longer they take than without faults; `makespan_growth_hit` is
                      that of those that any fault hits
memory_growth         bytes times seconds that attempts get above the limit of the document, as a share of what all get
engines               the same on each engine, with what is written for it; engines but Argo tell no causes
arithmetic            completion without and at the bound, computed from the rates and the numbers of steps alone
steps                 completion by the number of steps
forms                 how each fault shows, and whether the step is tried again where it is idempotent and where not;
                      `wrong_forms` are those where this repeats an effect, or what fails by itself
hidden                the gain where a share of the faults that programs see themselves shows only exit code 1
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.failures_argo import ArgoRetries, Template
from benchmarks.failures_engines import ENGINES, STATUSES, Bound, PlainRetries, repeats_of
from benchmarks.failures_faults import OF_KIND, RATES, WINDOW, Faults
from benchmarks.failures_forms import FORMS, RARE
from benchmarks.failures_plot import draw
from benchmarks.failures_replay import LAUNCH, MEMORY, NEEDED, Failure, Ran, Strategy, Work, replay
from benchmarks.failures_workflows import argo_document, cut, guarded, sources, templates_of
from benchmarks.harness import parser, report, tell
from couler_plugins.plugins import load_plugins

WITHOUT, WITH, BOUND = "without", "with", "bound"
BASELINES: Mapping[str, Mapping[str, Any]] = {
    "retries_3": {"limit": 3, "retryPolicy": "Always"},
    "on_failure": {"limit": 3, "retryPolicy": "OnFailure"},
    "on_error": {"limit": 3, "retryPolicy": "OnError"},
    "on_transient_error": {"limit": 3, "retryPolicy": "OnTransientError"},
}
"""What people write on every step."""
DECLARED = "retries_3_idempotent"
HIDDEN = (0.25, 0.5)
QUICK, FULL = (3, 2, 10), (20, 4, 10)
"""How many seeds, cuts of each trace, and runs of each cut."""
BINS = range(10, 100, 10)


class Outcome(NamedTuple):
    """What became of one run under one strategy."""

    seed: int
    trace: str
    work: Work
    ran: Ran


Outcomes = Mapping[str, Sequence[Outcome]]
"""By strategy."""


def main() -> None:
    flags = parser(__doc__ or "", "a folder of WfFormat traces, instead of those of the corpus")
    flags.add_argument("--pipeline", default="guard", help="the optimizers that run over each workflow")
    options = flags.parse_args()
    seeds, cuts, runs = QUICK if options.quick else FULL
    figures = measure(options, range(options.seed, options.seed + seeds), cuts, runs)
    if options.plot:
        draw(options.plot, figures)
    report(options, figures)


def measure(options: Any, seeds: range, cuts: int, runs: int) -> dict[str, Any]:
    """All figures.

    Args:
        options: of the command line.
        seeds: each draws cuts, declarations and faults of its own.
        cuts: of each trace.
        runs: of each cut.
    """
    traces, plugins = sources(options.traces), load_plugins()
    plain = {engine: repeats_of(engine, options.pipeline, plugins) for engine in ENGINES}
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    forms: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for seed in seeds:
        for trace, source in traces.items():
            for number in range(cuts):
                work = cut(source, f"{trace}:{number}:{seed}")
                templates = templates_of(guarded(argo_document(work), options.pipeline, plugins))
                forms = forms or _forms(work, templates)
                own = _strategies(work, templates)
                own |= {name: PlainRetries(plain[name], work.idempotent, *_statuses(name)) for name in plain}
                for run in range(runs):
                    faults = Faults(f"{work.name}:{run}", len(work.seconds))
                    counts.update(fault.form.kind for fault in faults.first.values())
                    for name, ran in _runs(faults, work, own):
                        outcomes[name].append(Outcome(seed, trace, work, ran))
        tell(f"seed {seed} is done")
    steps = sum(len(one.work.seconds) for one in outcomes[WITHOUT])
    return _figures(outcomes, forms, plain) | {"first_attempts": steps, "faults_of_first_attempts": dict(counts)}


def _statuses(engine: str) -> Sequence[Any]:
    return (STATUSES[engine],) if engine in STATUSES else ()


def _strategies(work: Work, templates: Sequence[Template]) -> dict[str, Strategy]:
    count = len(work.seconds)
    own: dict[str, Strategy] = {WITHOUT: ArgoRetries([Template()] * count), WITH: ArgoRetries(templates)}
    own[BOUND] = Bound(work.idempotent)
    own |= {name: ArgoRetries([Template(strategy)] * count) for name, strategy in BASELINES.items()}
    own[DECLARED] = ArgoRetries([Template(BASELINES["retries_3"] if one else None) for one in work.idempotent])
    return own


def _runs(faults: Faults, work: Work, strategies: Mapping[str, Strategy]) -> Sequence[tuple[str, Ran]]:
    clean = replay(work, faults, strategies[WITHOUT]) if not faults.first else None
    results = [(key, clean or replay(work, faults, strategy)) for key, strategy in strategies.items()]
    for share in HIDDEN:
        hiding = Faults(faults.name, len(work.seconds), share)
        results.append((f"hidden_{share}", clean or replay(work, hiding, strategies[WITH])))
    return results


def _forms(work: Work, templates: Sequence[Template]) -> dict[str, Any]:
    """What a step does after its first attempt has failed in each form, by whether it is idempotent."""
    steps = {work.idempotent[number]: number for number in range(len(templates))}
    retries = ArgoRetries(templates)
    table = {}
    for form in (*FORMS, *RARE):
        failures = [Failure(form, 0.0, LAUNCH)]
        again = {idempotent: retries.again(step, failures)[0] for idempotent, step in steps.items()}
        grown = retries.memory(steps[True], failures) / MEMORY if again[True] else 1.0
        table[form.name] = {
            "kind": form.kind,
            "began": form.began,
            "rare": form in RARE,
            "idempotent": again[True],
            "others": again[False],
            "memory": grown,
        }
    return table


def _figures(outcomes: Outcomes, forms: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    every = outcomes[WITHOUT]
    figures: dict[str, Any] = _both(outcomes, range(len(every)))
    figures |= {f"{key}_interval": values for key, values in _intervals(outcomes).items()}
    figures["baselines"] = {name: _one(outcomes, name) for name in (*BASELINES, DECLARED)}
    figures["engines"] = {"argo": _one(outcomes, WITH)} | {
        engine: _one(outcomes, engine) | {"retries": {str(one): repeats._asdict() for one, repeats in own.items()}}
        for engine, own in plain.items()
    }
    figures["traces"] = {
        trace: _both(outcomes, [n for n, one in enumerate(every) if one.trace == trace])
        for trace in dict.fromkeys(one.trace for one in every)
    }
    figures["steps"] = {
        f"{low}-{low + 9 + (low == BINS[-1])}": _shares(outcomes, numbers) for low, numbers in bins(every).items()
    }
    figures["arithmetic"] = arithmetic([one.work for one in every])
    figures["hidden"] = {str(share): _one(outcomes, f"hidden_{share}")["completion_gain"] for share in HIDDEN}
    figures["forms"] = forms
    figures["wrong_forms"] = [name for name, form in forms.items() if _wrong(form)]
    figures["rates"] = dict(RATES)
    figures["setting"] = {"window": WINDOW, "launch": LAUNCH, "memory": MEMORY, "memory_needed": NEEDED}
    figures["runs"] = len(every)
    figures["workflows"] = len({one.work.name for one in every})
    return figures


def _wrong(form: Mapping[str, Any]) -> bool:
    """Whether an attempt after this failure repeats an effect, or what fails by itself."""
    vain = form["kind"] == "deterministic" and (form["idempotent"] or form["others"])
    return bool(vain or (form["began"] and form["others"]))


def _both(outcomes: Outcomes, numbers: Sequence[int]) -> dict[str, Any]:
    """The figures of runs with and without, by their numbers."""
    without, with_, bound = ([outcomes[key][n] for n in numbers] for key in (WITHOUT, WITH, BOUND))
    figures: dict[str, Any] = _shares(outcomes, numbers)
    figures["deterministic_retried"] = sum(one.ran.vain for one in with_)
    figures["effects_repeated"] = sum(one.ran.effects for one in with_)
    figures["wasted"] = {}
    for key, several in (("without", without), ("with", with_), ("bound", bound)):
        figures[f"wasted_seconds_{key}"] = statistics.fmean(one.ran.wasted for one in several)
        figures["wasted"][key] = {
            name: statistics.fmean(getattr(one.ran, name) for one in several) for name in ("failed", "waits", "lost")
        }
    grown = [(one.ran.makespan / one.work.makespan - 1, one.ran.failed) for one in with_ if one.ran.completed]
    figures["makespan_growth"] = _mean([growth for growth, _ in grown])
    figures["makespan_growth_hit"] = _mean([growth for growth, hit in grown if hit])
    reserved = sum((LAUNCH + seconds) * MEMORY for one in with_ for seconds in one.work.seconds)
    figures["memory_growth"] = sum(one.ran.memory for one in with_) / reserved
    return figures


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0


def _shares(outcomes: Outcomes, numbers: Sequence[int]) -> dict[str, float]:
    shares = {key: _mean([outcomes[key][n].ran.completed for n in numbers]) for key in (WITHOUT, WITH, BOUND)}
    return {f"completion_{key}": share for key, share in shares.items()} | {
        "completion_gain": shares[WITH] - shares[WITHOUT]
    }


def _one(outcomes: Outcomes, name: str) -> dict[str, float]:
    """The figures of one strategy."""
    own, without = outcomes[name], outcomes[WITHOUT]
    completion = _mean([one.ran.completed for one in own])
    return {
        "completion": completion,
        "completion_gain": completion - _mean([one.ran.completed for one in without]),
        "deterministic_retried": sum(one.ran.vain for one in own),
        "effects_repeated": sum(one.ran.effects for one in own),
        "wasted_seconds": _mean([one.ran.wasted for one in own]),
    }


def _intervals(outcomes: Outcomes) -> dict[str, list[float]]:
    """Where the means over seeds are with 95 %, by the spread of the figures of single seeds."""
    seeds = dict.fromkeys(one.seed for one in outcomes[WITHOUT])
    each = [_shares(outcomes, [n for n, one in enumerate(outcomes[WITHOUT]) if one.seed == seed]) for seed in seeds]
    intervals = {}
    for key in each[0]:
        values = [one[key] for one in each]
        half = 1.96 * statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        intervals[key] = [statistics.fmean(values) - half, statistics.fmean(values) + half]
    return intervals


def bins(every: Sequence[Outcome]) -> dict[int, list[int]]:
    """The numbers of runs by how many steps they have."""
    numbers: dict[int, list[int]] = {low: [] for low in BINS}
    for number, one in enumerate(every):
        numbers[min(len(one.work.seconds) // 10 * 10, BINS[-1])].append(number)
    return {low: several for low, several in numbers.items() if several}


def arithmetic(works: Sequence[Work]) -> dict[str, float]:
    """Completion by the rates alone, where nothing ever runs out of retries.

    A step that is idempotent is lost where it fails by itself before it succeeds. Another is lost by whatever comes
    first of all that is not a failure before the start.
    """
    ok = 1 - sum(RATES.values())
    before = RATES["infrastructure_before_start"]
    before += RATES["throttled"] * _mean([not form.began for form in OF_KIND["throttled"]])
    saved = {True: ok / (ok + RATES["deterministic"]), False: ok / (1 - before)}
    without = _mean([ok ** len(work.seconds) for work in works])
    bound = _mean([saved[True] ** sum(w.idempotent) * saved[False] ** w.idempotent.count(False) for w in works])
    return {"completion_without": without, "completion_bound": bound, "completion_gain_bound": bound - without}


if __name__ == "__main__":
    main()
