"""What one request a step reserves over what its tasks use, and how many fail, on traces of real runs.

python -m benchmarks.rightsize --traces FOLDER --json rightsize.json [--plot rightsize.png]

A trace is a CSV with the columns process, submit, realtime (ms), cpus, %cpu, memory, peak_rss and rchar (bytes). The
first half of a process's tasks, by the time of submission, is the history. The second is charged for the request that
comes of it, and a task whose peak is over its request costs its whole time again at the double. A process with one task
is left out.

Figures, of each trace under `traces` and over all (geometric means of ratios, means of shares):

reserved_over_used  memory times time that is reserved, over peak times time of what ran, all tasks of a trace together
failing             share of tasks whose peak is over the request
NAME, NAME_failing  the same of other rules: `preset` (what the pipeline asks for), `max_1_1` and `max_1_02` (the
                    largest peak times that), `gap` (the largest, and twice its distance from the second), `witt`,
                    `witt_line` and `tovar` (benchmarks/baselines/sizing.py), and `lower_bound` (the largest of the
                    second half: where no task fails, no single request is lower). `witt_line` gives each task a
                    request of its own
worse_than_preset   number of traces where more is reserved than the pipeline asks for
interval            where our two figures are in 90 % of draws of processes
resampled           our two figures and the errors of costs for another history: `reversed` in time, `shuffled` (halves
                    by lot), and `drawn_N`, of which the estimate sees only N tasks by lot
cpu_…               of the request of CPU: `cpu_reserved_over_used` is the same for cores, beside `cpu_preset`;
                    `cpu_above` is the share of tasks that use more in the mean, `cpu_work_above` that of core-seconds
cost_median_error   how far the cost of a process's second half, predicted from the first and the number of tasks, is
                    from what is charged: the median over processes, as a share. It knows how much more all tasks
                    of the second half read than those of the first, in one number (`--input-scale` of `explain`).
                    That of …`_blind` knows nothing of it, and that of …`_by_size` what the tasks of each process
                    read. `cost_task_error` compares single tasks, and `cost_run_error` all of a trace (the mean over
                    traces)
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.baselines import sizing
from benchmarks.harness import arguments, report
from benchmarks.rightsize_costs import cost_errors, cpu_figures
from benchmarks.rightsize_plot import draw
from benchmarks.rightsize_traces import Charge, Halves, Processes, Rule, charge, halves, read
from couler_plugins.rightsizing.estimate import estimate_request

OURS = "reserved_over_used"
OUR_RULE = sizing.static(lambda past: estimate_request([task.peak for task in past]))
RULES: dict[str, Rule] = {
    OURS: OUR_RULE,
    "preset": lambda _, future: [task.memory for task in future],
    "max_1_1": sizing.largest(1.1),
    "max_1_02": sizing.largest(1.02),
    "gap": sizing.gap,
    "witt": sizing.percentile,
    "witt_line": sizing.line,
    "tovar": sizing.waste,
    "lower_bound": lambda _, future: [max(task.peak for task in future)] * len(future),
}
RATIOS = {*RULES, "cpu_reserved_over_used", "cpu_preset"}
DRAWN = (3, 5, 10, 30)


def main() -> None:
    options = arguments(__doc__ or "", "a folder of traces, as CSV files")
    if not options.traces:
        raise SystemExit("this benchmark measures on traces of real runs: say where they are by --traces FOLDER")
    traces, lot = read(options.traces), random.Random(options.seed)
    figures = measure(halves(traces))
    figures["interval"] = interval(halves(traces), lot, 200 if options.quick else 2000)
    times = {"reversed": 1} | dict.fromkeys(("shuffled", *(f"drawn_{n}" for n in DRAWN)), 2 if options.quick else 20)
    figures["resampled"] = {
        way: _mean([_again(halves(traces, way, lot)) for _ in range(number)]) for way, number in times.items()
    }
    if options.plot:
        draw(options.plot, figures)
    report(options, figures)


def measure(traces: Halves) -> dict[str, Any]:
    """All figures of traces as they ran."""
    each = {name: _trace(name, processes) for name, processes in traces.items()}
    figures: dict[str, Any] = _mean(list(each.values())) | cost_errors(traces)
    figures |= {key: sum(own[key] for own in each.values()) for key in ("processes", "tasks")}
    figures["worse_than_preset"] = sum(own[OURS] > own["preset"] for own in each.values())
    return figures | {"traces": each}


def _trace(name: str, processes: Processes) -> dict[str, float]:
    figures = cpu_figures(processes) | cost_errors({name: processes})
    for rule, size in RULES.items():
        total = charge(processes, size)
        figures |= {rule: total.ratio, "failing" if rule == OURS else f"{rule}_failing": total.share}
    return figures | {"processes": len(processes), "tasks": sum(len(future) for _, future in processes)}


def interval(traces: Halves, lot: random.Random, draws: int) -> dict[str, list[float]]:
    """Where 90 % of draws of as many processes from each trace have our figures."""
    each = [[charge([process], OUR_RULE) for process in processes] for processes in traces.values()]
    seen = [_both([sum(lot.choices(several, k=len(several)), Charge()) for several in each]) for _ in range(draws)]
    return {
        key: [sorted(one[key] for one in seen)[round(share * (draws - 1))] for share in (0.05, 0.95)] for key in seen[0]
    }


def _again(traces: Halves) -> dict[str, float]:
    return _both([charge(processes, OUR_RULE) for processes in traces.values()]) | cost_errors(traces)


def _both(charges: Sequence[Charge]) -> dict[str, float]:
    return _mean([{OURS: one.ratio, "failing": one.share} for one in charges])


def _mean(several: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The geometric mean of what are ratios, and the mean of what are shares."""
    means: dict[str, float] = {}
    for key in dict.fromkeys(key for one in several for key in one):
        values = [one[key] for one in several if key in one]
        means[key] = statistics.geometric_mean(values) if key in RATIOS else statistics.fmean(values)
    return means


if __name__ == "__main__":
    main()
