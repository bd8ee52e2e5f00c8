"""Traces of real runs: what each task asked for and used, the halves that are history and charged, and the charge."""

from __future__ import annotations

import csv
import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import tell

__all__ = ["Charge", "Halves", "Processes", "Rule", "Task", "Traces", "charge", "halves", "read"]


@dataclass(frozen=True)
class Task:
    """One task as it ran.

    Attributes:
        submit: when it was submitted.
        time: how long it ran, in ms.
        memory: what its pipeline reserved, in bytes.
        peak: what it used at most.
        cpus: the cores that its pipeline reserved.
        cores: those that it used in the mean.
        read: the bytes that it read.
    """

    submit: float
    time: float
    memory: float
    peak: float
    cpus: float
    cores: float
    read: float


Traces = Mapping[str, Sequence[Sequence[Task]]]
"""By name, the tasks of each process, in order."""
Processes = Sequence[tuple[Sequence[Task], Sequence[Task]]]
"""For each process its history, and what is charged."""
Halves = Mapping[str, Processes]
"""By name, the processes of each trace."""
Rule = Callable[[Sequence[Task], Sequence[Task]], Sequence[float]]
"""A function of the history and the tasks to come that gives each of those a request."""
COLUMNS = ("submit", "realtime", "memory", "peak_rss", "cpus", "%cpu", "rchar")


def read(folder: Path) -> Traces:
    """The traces in a folder of CSV files."""
    traces = {path.stem: _trace(path) for path in sorted(folder.glob("*.csv"))}
    if not traces:
        raise SystemExit(f"{folder}: there is no trace here (files that end in .csv)")
    return traces


def _trace(path: Path) -> list[list[Task]]:
    processes: dict[str, list[Task]] = defaultdict(list)
    skipped = 0
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if missing := {"process", *COLUMNS} - set(rows.fieldnames or ()):
            raise SystemExit(f"{path}: line 1: there is no column {', '.join(sorted(missing))}")
        for row in rows:
            try:
                submit, time, memory, peak, cpus, percent, size = (float(row[name]) for name in COLUMNS)
            except (TypeError, ValueError):
                skipped += 1
                continue
            processes[row["process"]].append(Task(submit, time, memory, peak, cpus, percent / 100, size))
    if skipped:
        tell(f"{path}: {skipped} tasks are left out, whose row lacks a number")
    ordered = [sorted(tasks, key=lambda task: task.submit) for tasks in processes.values()]
    if not any(task.peak * task.time for tasks in ordered if len(tasks) > 1 for task in tasks[len(tasks) // 2 :]):
        raise SystemExit(f"{path}: no process has a second half whose tasks have both a peak and a time")
    return ordered


def halves(traces: Traces, way: str = "", lot: random.Random | None = None) -> Halves:
    """Each process in two, where it has more than one task.

    Args:
        traces: as they ran.
        way: nothing for as they ran, `reversed`, `shuffled`, or `drawn_N` for only N tasks of the history.
        lot: what draws.
    """
    lot = lot or random.Random(0)
    return {name: [_half(tasks, way, lot) for tasks in several if len(tasks) > 1] for name, several in traces.items()}


def _half(tasks: Sequence[Task], way: str, lot: random.Random) -> tuple[Sequence[Task], Sequence[Task]]:
    order = lot.sample(tasks, len(tasks)) if way == "shuffled" else tasks[::-1] if way == "reversed" else tasks
    past, future = order[: len(order) // 2], order[len(order) // 2 :]
    if way.startswith("drawn_"):
        past = lot.sample(past, min(len(past), int(way.removeprefix("drawn_"))))
    return past, future


@dataclass(frozen=True)
class Charge:
    """What tasks used, and what was reserved for them, in byte-milliseconds."""

    reserved: float = 0.0
    used: float = 0.0
    failing: int = 0
    tasks: int = 0

    def __add__(self, other: Charge) -> Charge:
        return Charge(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def ratio(self) -> float:
        """What was reserved over what was used."""
        return self.reserved / self.used if self.used else math.inf

    @property
    def share(self) -> float:
        """The share of tasks that failed."""
        return self.failing / self.tasks


def charge(processes: Processes, rule: Rule) -> Charge:
    """What the second halves are charged for the requests of a rule: a task that fails runs again at the double."""
    reserved = used = 0.0
    failing = tasks = 0
    for past, future in processes:
        for task, request in zip(future, rule(past, future), strict=True):
            fails = task.peak > request
            reserved += request * task.time * (3 if fails else 1)
            used += task.peak * task.time
            failing += fails
            tasks += 1
    return Charge(reserved, used, failing, tasks)
