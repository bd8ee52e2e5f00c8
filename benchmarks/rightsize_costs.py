"""Requests of CPU, and errors of costs that are predicted for the second half of a process from the first."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.rightsize_traces import Halves, Processes, Task
from couler_plugins.rightsizing.estimate import estimate_cpu, estimate_request, estimate_time

__all__ = ["cost_errors", "cpu_figures"]

CORE_HOUR, GIB_HOUR = 0.04048, 0.004445
"""Dollars: AWS Fargate on Linux/x86 in us-east-1."""


def cost_errors(traces: Halves) -> dict[str, float]:
    """How far predictions are from what is charged, as shares: medians, and the mean of `cost_run_error`."""
    errors: dict[str, list[float]] = defaultdict(list)
    for processes in traces.values():
        scale = _bytes([future for _, future in processes]) / _bytes([past for past, _ in processes])
        costs = [_costs(past, future, scale) for past, future in processes]
        errors["cost_task_error"] += [abs(one.guess - real) / real for one in costs for real in one.real if real]
        for ending in ("", "_blind", "_by_size"):
            pairs = [(len(one.real) * getattr(one, f"guess{ending}"), sum(one.real)) for one in costs]
            whole = [(sum(guess for guess, _ in pairs), sum(real for _, real in pairs))]
            errors[f"cost_median_error{ending}"] += [abs(guess - real) / real for guess, real in pairs if real]
            errors[f"cost_run_error{ending}"] += [abs(guess - real) / real for guess, real in whole if real]
    return {
        key: (statistics.fmean if "run" in key else statistics.median)(several)
        for key, several in errors.items()
        if several
    }


@dataclass(frozen=True)
class Costs:
    """What a task to come is predicted to cost, by what is known of what it will read, and what each is charged.

    Attributes:
        guess: only how much more all tasks of the trace read than before.
        guess_blind: nothing.
        guess_by_size: what the tasks of the process will read.
        real: what each of them is charged.
    """

    guess: float
    guess_blind: float
    guess_by_size: float
    real: Sequence[float]


def _bytes(processes: Sequence[Sequence[Task]]) -> float:
    """The bytes that a task reads, in the mean over all processes; 1 where none reads anything."""
    return statistics.fmean(task.read for tasks in processes for task in tasks) or 1.0


def _costs(past: Sequence[Task], future: Sequence[Task], scale: float) -> Costs:
    times, sizes = [task.time for task in past], [task.read for task in past]
    request = estimate_request([task.peak for task in past])
    core = estimate_cpu([task.cores for task in past], times) * CORE_HOUR / 3.6e6
    memory = request / 2**30 * GIB_HOUR / 3.6e6
    again = [core + 2 * memory if task.peak > request else 0.0 for task in future]
    return Costs(
        estimate_time(times, sizes, statistics.fmean(sizes) * scale) * (core + memory),
        estimate_time(times) * (core + memory),
        estimate_time(times, sizes, statistics.fmean(task.read for task in future)) * (core + memory),
        [task.time * (core + memory + more) for task, more in zip(future, again, strict=True)],
    )


def cpu_figures(processes: Processes) -> dict[str, float]:
    """What is reserved of CPU over what is used, and how much is used above it; nothing where no use was measured."""
    used = reserved = preset = above = 0.0
    slow = tasks = 0
    for past, future in processes:
        request = estimate_cpu([task.cores for task in past], [task.time for task in past])
        for task in future:
            used += task.cores * task.time
            reserved += request * task.time
            preset += task.cpus * task.time
            above += max(0.0, task.cores - request) * task.time
            slow += task.cores > request
            tasks += 1
    if not used:
        return {}
    return {
        "cpu_reserved_over_used": reserved / used,
        "cpu_preset": preset / used,
        "cpu_above": slow / tasks,
        "cpu_work_above": above / used,
    }
