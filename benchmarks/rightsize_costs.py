"""Requests of CPU, and errors of costs that are predicted for the second half of a process from the first."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.rightsize_traces import Halves, Processes, Task
from couler_plugins.rightsizing.estimate import estimate_cpu, estimate_request, estimate_time

__all__ = ["cost_errors", "cpu_figures"]

CORE_HOUR, GIB_HOUR = 0.04048, 0.004445
"""Dollars: AWS Fargate on Linux/x86 in us-east-1."""


def cost_errors(traces: Halves) -> dict[str, float]:
    """How far predictions are from what is charged, as shares: medians, and the mean of `cost_run_error`."""
    errors: dict[str, list[float]] = {}
    for processes in traces.values():
        for ending, by_size in (("", False), ("_by_size", True)):
            whole = [(guess, real) for past, future in processes for guess, real in [_costs(past, future, by_size)]]
            for key, pairs in (
                ("cost_task_error", [pair for several in whole for pair in zip(*several, strict=True)]),
                ("cost_median_error", [(sum(guess), sum(real)) for guess, real in whole]),
                ("cost_run_error", [(sum(sum(guess) for guess, _ in whole), sum(sum(real) for _, real in whole))]),
            ):
                errors.setdefault(key + ending, []).extend(abs(guess - real) / real for guess, real in pairs if real)
    return {
        key: statistics.fmean(several) if "run" in key else statistics.median(several)
        for key, several in errors.items()
        if several
    }


def _costs(past: Sequence[Task], future: Sequence[Task], by_size: bool) -> tuple[list[float], list[float]]:
    """What each task to come is predicted to cost, and what it is charged."""
    request = estimate_request([task.peak for task in past])
    cpu = estimate_cpu([task.cores for task in past], [task.time for task in past])
    core, memory = cpu * CORE_HOUR / 3.6e6, request / 2**30 * GIB_HOUR / 3.6e6
    times, sizes = [task.time for task in past], [task.read for task in past]
    guesses = [estimate_time(times, sizes, task.read if by_size else None) * (core + memory) for task in future]
    again = [core + 2 * memory if task.peak > request else 0.0 for task in future]
    return guesses, [task.time * (core + memory + more) for task, more in zip(future, again, strict=True)]


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
