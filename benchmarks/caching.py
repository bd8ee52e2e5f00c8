"""Which replacement policy saves most: all of them replayed on edited workflows, beside the offline optimum.

python -m benchmarks.caching --json caching.json --plot caching.svg

Traces are those of the corpus, or all WfFormat files of `--traces DIR`; recorded edits (`*.edits.json`) are read from
benchmarks/histories and from that folder too. The seeds, and so the streams, follow from `--seed` alone.

Figures in percent or in points of it, of `scr` unless another policy is named; capacities are 5 to 40 % of the bytes of
a run. Every trace counts alike; intervals are of 95 %, by bootstrap over trace x seed. How many seeds of a trace there
are follows from how much work it is, which is counted: `seeds` says it.

capture_mean              what is saved, of what an unlimited cache saves: 40 runs of every trace, `replayed` edits
capture_by_policy         the same for each policy; `capture_unseen_by_policy` under generators that nothing was tuned
                          to, `capture_recorded_by_policy` under the edits of real histories
capture_limit             what no policy goes above, one that knows all runs beforehand included: the linear bound on
                          the streams that are replayed at every capacity; `capture_below_limit` ours on the same
capture_worst_gap         points above the best opponent of one trace and mix of edits, where that is least, over those
                          that are replayed on all seeds
advantage_replayed        points above the single best opponent; `_unseen` and `_recorded` likewise
advantage_first_four_runs points above `gdsf-subtree` in the first four runs
regret_mean, regret_max   cost above the exact optimum, 12 runs; `_unseen` under unseen generators; `_bound` above the
                          linear bound, where a trace is too large for the optimum: more than the regret
capture_unknown           where 30 % of the steps are unknown, and times wrong by up to twice; `_cost`: what that loses
capacity_harm_max         the most that more capacity costs
hit_ratio_by_policy       results that were loaded, of those needed; `makespan_by_policy`: percent of that without one
decision_seconds_400      median CPU seconds of a decision at 400 steps; `decision_seconds_1000` at 1,000
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.caching_decisions import decision_seconds
from benchmarks.caching_figures import (
    OURS,
    Interval,
    Trial,
    advantage,
    best_opponent,
    by_policy,
    capture,
    capture_limit,
    early_capture,
    harm_of_capacity,
    hit_ratio,
    paired_loss,
    regret,
    relative_makespan,
    unlimited_makespan,
    worst_gap,
)
from benchmarks.caching_inputs import Inputs, inputs
from benchmarks.caching_jobs import (
    EXACT,
    FAMILIAR,
    FULL,
    QUICK,
    REGRET_RUNS,
    RUNS,
    SHARES,
    SLOW,
    UNSEEN,
    Size,
    Task,
    jobs,
    work,
)
from benchmarks.caching_plot import draw
from benchmarks.caching_replays import Job, named
from benchmarks.harness import arguments, in_parallel, report
from couler_plugins.errors import CoulerError
from couler_plugins.simulation.recorded import Recorded

Groups = Mapping[str, Sequence[Trial]]
"""Trials by the group of jobs that they come from."""


def main() -> None:
    options = arguments(__doc__ or "", "a folder of WfFormat traces, instead of our own")
    size = QUICK if options.quick else FULL
    try:
        found = inputs(options.traces)
        groups = jobs(found, size, options.seed)
        done = in_parallel({name: [Task(job) for job in some] for name, some in groups.items()})
    except CoulerError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    results = {name: [trial for trials in some for trial in trials] for name, some in done.items()}
    (ours,) = named([OURS])
    figures = {
        **capture_figures(results, size),
        **regret_figures(results),
        **robustness_figures(results),
        "decision_seconds_400": decision_seconds(ours, 400, size.decisions, options.seed),
        "decision_seconds_1000": decision_seconds(ours, 1_000, size.decisions, options.seed),
        **provenance(found, groups, size, options.seed),
    }
    report(options, figures)
    if options.plot:
        caption = (
            f"{len(figures['workloads'])} traces, {RUNS} runs; regret: {REGRET_RUNS} runs of those up to {EXACT} steps"
        )
        replayed = by_policy([*results["replayed"], *results["slow"]], capture)
        draw(options.plot, replayed, by_policy(results["unseen"], capture), _regrets(results["regret"]), caption)


def capture_figures(results: Groups, size: Size) -> dict[str, Any]:
    """Capture, hits and makespan of every policy, and how far ours is above the others."""
    figures: dict[str, Any] = {}
    captured_trials = {"replayed": [*results["replayed"], *results["slow"]]} | {
        name: results[name] for name in ("unseen", "recorded")
    }
    for name, trials in captured_trials.items():
        captured = by_policy(trials, capture)
        key = "capture" if name == "replayed" else f"capture_{name}"
        figures[f"{key}_mean"] = captured[OURS].mean if OURS in captured else None
        figures[f"{key}_by_policy"] = {policy: value.mean for policy, value in captured.items()}
        figures[f"{key}_interval_by_policy"] = {policy: [one.low, one.high] for policy, one in captured.items()}
        best = best_opponent(trials, capture)
        figures[f"advantage_{name}"] = {"over": best[0], **_points(best[1])} if best else None
    gap = worst_gap([trial for trials in captured_trials.values() for trial in trials], size.seeds)
    figures["capture_worst_gap"] = gap.points if gap else None
    figures["capture_worst_gap_at"] = asdict(gap) if gap else None
    early = advantage(results["replayed"], "gdsf-subtree", early_capture)
    figures["advantage_first_four_runs"] = _points(early) if early else None
    whole = results["whole"] or results["replayed"]
    for key, measure in (("hit_ratio", hit_ratio), ("makespan", relative_makespan)):
        found = by_policy(whole, measure)
        figures[f"{key}_by_policy"] = {policy: value.mean for policy, value in found.items()}
    unlimited = by_policy(whole, unlimited_makespan).get(OURS)
    limit, below = (by_policy(results["whole"], measure).get(OURS) for measure in (capture_limit, capture))
    figures["capture_limit"] = limit.mean if limit else None
    figures["capture_below_limit"] = below.mean if below else None
    figures["makespan_unlimited"] = unlimited.mean if unlimited else None
    return figures


def regret_figures(results: Groups) -> dict[str, Any]:
    """Regret of ours, its mean for every policy, and how many optima were given up."""
    figures: dict[str, Any] = {}
    for name in ("regret", "regret_unseen", "regret_bound"):
        by_name = _regrets(results[name])
        suffix = name.removeprefix("regret")
        ours = by_name.get(OURS, [])
        figures[f"regret_mean{suffix}"] = statistics.fmean(ours) if ours else None
        figures[f"regret_max{suffix}"] = max(ours, default=None)
        figures[f"regret{suffix}_streams"] = len(ours)
        figures[f"regret{suffix}_given_up"] = sum(one.least is None for one in results[name] if one.policy == OURS)
        figures[f"regret{suffix}_by_policy"] = {policy: statistics.fmean(some) for policy, some in by_name.items()}
    return figures


def robustness_figures(results: Groups) -> dict[str, Any]:
    """What wrong and missing figures cost, and what more capacity costs."""
    unknown = by_policy(results["wrong"], capture).get(OURS)
    cost = paired_loss(results["replayed"], results["wrong"], capture)
    return {
        "capture_unknown": unknown.mean if unknown else None,
        "capture_unknown_cost": cost.mean if cost else None,
        "capture_unknown_cost_interval": [cost.low, cost.high] if cost else None,
        "capacity_harm_max": harm_of_capacity(results["whole"]),
    }


def provenance(found: Inputs, groups: Mapping[str, Sequence[Job]], size: Size, seed: int) -> dict[str, Any]:
    """What the figures were measured on, and what of it the parameters were set on."""
    return {
        "seed": seed,
        "size": asdict(size),
        "work": sum(work(job) for some in groups.values() for job in some),
        "seeds": {name: _seeds(some) for name, some in groups.items()},
        "capacities": SHARES,
        "workloads": {load.family: len(load.steps) for load in found.workloads},
        "recorded_edits": [[load.family, edits.file] for load, edits in found.recorded],
        "left_out": found.left_out,
        "parameters_set_on": [edits.name for edits in FAMILIAR],
        "parameters_not_set_on": [*(edits.name for edits in UNSEEN), Recorded.name],
        "replayed_on_fewer_seeds": SLOW,
    }


def _seeds(some: Sequence[Job]) -> dict[str, dict[str, int]]:
    """On how many seeds each trace was replayed, by the mix of edits."""
    found: dict[str, dict[str, int]] = {}
    for job in some:
        mixes = found.setdefault(job.workload.family, {})
        mixes[job.edits.name] = mixes.get(job.edits.name, 0) + 1
    return found


def _points(value: Interval) -> dict[str, Any]:
    return {"points": value.mean, "interval": [value.low, value.high]}


def _regrets(trials: Sequence[Trial]) -> dict[str, list[float]]:
    """Regret of each trial, by policy."""
    found: dict[str, list[float]] = {}
    for trial in trials:
        value = regret(trial)
        if value is not None:
            found.setdefault(trial.policy, []).append(value)
    return found


if __name__ == "__main__":
    main()
