"""The offline optimum of a stream of runs: what a cache would cost that knew every run beforehand.

A mixed integer program, solved by HiGHS through scipy. For step v of run t, x says that v is computed and z that its
result is loaded. For a key k, y says that the cache holds it from one run that has k to the next run that has k; at no
other time can holding it pay:

    minimise    sum of seconds(v) x[v,t] + load(v) z[v,t]
    subject to  x[v,t] + z[v,t] >= 1          for every sink v
                x[v,t] <= x[p,t] + z[p,t]     for every parent p of v
                z[v,t] <= y[k,i]              where interval i of k = key(v,t) ends at run t
                y[k,i] <= y[k,i-1] + x[v,t]   where interval i of k = key(v,t) starts at run t
                sum of bytes(k) y[k,i] <= capacity, over the intervals that span the end of run t

Only y has to be integral: with y fixed, the rest is a minimum cut, and its corners are integral.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from couler_plugins.runs import LoadCost, Run, StepRun

__all__ = ["Optimum", "bound", "optimum"]


@dataclass(frozen=True)
class Optimum:
    """The least that a stream can cost.

    Attributes:
        seconds: of computing and loading, over all runs.
        kept: the keys that the cache holds after each run.
    """

    seconds: float
    kept: tuple[frozenset[str], ...]


def optimum(
    runs: Sequence[Run], capacity: int, load: LoadCost, *, gap: float = 1e-6, nodes: int | None = None
) -> Optimum | None:
    """The exact optimum.

    Args:
        runs: the stream; every time and size is known, and no key is twice in a run.
        capacity: bytes that the cache may hold after a run.
        load: what loading costs.
        gap: how far the answer may be from the optimum, as a share of it.
        nodes: of the search tree, after which to give up. A count, so that the answer is the same on any machine.

    Returns:
        The optimum; None where the search was given up.
    """
    program = _Program(runs, capacity, load)
    options = {"mip_rel_gap": gap} if nodes is None else {"mip_rel_gap": gap, "node_limit": nodes}
    solved = program.solve(integral=True, options=options)
    if not solved.success:
        return None
    return Optimum(float(solved.fun), program.kept(solved.x))


def bound(runs: Sequence[Run], capacity: int, load: LoadCost) -> float:
    """Seconds that no policy goes below: the relaxation in which an artifact may be kept in part."""
    return float(_Program(runs, capacity, load).solve(integral=False, options={}).fun)


@dataclass(frozen=True)
class _Interval:
    """A key from one run that has it to the next; `first` and `last` are the numbers of the two steps in the stream."""

    key: str
    bytes: int
    first: int
    last: int
    start: int
    end: int


class _Program:
    """The variables: x of every step of the stream, then y of every interval, then z at the end of every interval."""

    def __init__(self, runs: Sequence[Run], capacity: int, load: LoadCost) -> None:
        self.runs = runs
        self.capacity = capacity
        self.steps = sum(len(run.steps) for run in runs)
        self.intervals = _intervals(runs, capacity, load)
        computing = [_seconds(step) for run in runs for step in run.steps]
        loading = [load.seconds(interval.bytes) for interval in self.intervals]
        self.costs = [*computing, *[0.0] * len(self.intervals), *loading]
        self.rows: list[tuple[list[tuple[int, float]], float]] = []
        """Each row: variables with their coefficients, and the most that the sum may be."""
        self._needs()
        self._keeping()
        self._capacity()

    def solve(self, *, integral: bool, options: dict[str, float]) -> Any:
        """What `scipy.optimize.milp` returns; only a search that was given up is without success."""
        entries = [(row, column, value) for row, (terms, _) in enumerate(self.rows) for column, value in terms]
        rows, columns, values = zip(*entries, strict=True)
        matrix = csr_array((values, (rows, columns)), shape=(len(self.rows), len(self.costs)))
        binary = np.zeros(len(self.costs))
        binary[self.steps : self.steps + len(self.intervals)] = integral
        limits = LinearConstraint(matrix, ub=np.array([limit for _, limit in self.rows]))
        return milp(self.costs, integrality=binary, bounds=Bounds(0, 1), constraints=limits, options=options)

    def kept(self, values: Sequence[float]) -> tuple[frozenset[str], ...]:
        """The keys held after each run."""
        held: list[set[str]] = [set() for _ in self.runs]
        for interval, value in zip(self.intervals, values[self.steps :], strict=False):
            if value > 0.5:
                for run in range(interval.start, interval.end):
                    held[run].add(interval.key)
        return tuple(frozenset(keys) for keys in held)

    def _needs(self) -> None:
        """Sinks are computed or loaded, and so are the parents of what is computed."""
        count = len(self.intervals)
        loaded = {interval.last: self.steps + count + place for place, interval in enumerate(self.intervals)}
        offset = 0
        for run in self.runs:
            parents = {parent for step in run.steps for parent in step.parents}
            for place, step in enumerate(run.steps, offset):
                for parent in step.parents:
                    self.rows.append(([(place, 1.0), *_either(offset + parent, loaded)], 0.0))
                if place - offset not in parents:
                    self.rows.append((_either(place, loaded), -1.0))
            offset += len(run.steps)

    def _keeping(self) -> None:
        """What is loaded was kept, and what is kept was computed, or kept before."""
        count = len(self.intervals)
        ends = {interval.last: self.steps + place for place, interval in enumerate(self.intervals)}
        for place, interval in enumerate(self.intervals, self.steps):
            self.rows.append(([(place + count, 1.0), (place, -1.0)], 0.0))
            before = [(ends[interval.first], -1.0)] if interval.first in ends else []
            self.rows.append(([(place, 1.0), (interval.first, -1.0), *before], 0.0))

    def _capacity(self) -> None:
        """Sizes as shares of the capacity, which keeps the solver's tolerances meaningful."""
        spans: list[list[tuple[int, float]]] = [[] for _ in self.runs]
        for place, interval in enumerate(self.intervals, self.steps):
            for run in range(interval.start, interval.end):
                spans[run].append((place, interval.bytes / max(self.capacity, 1)))
        self.rows.extend((terms, 1.0) for terms in spans if terms)


def _either(place: int, loaded: dict[int, int]) -> list[tuple[int, float]]:
    """The terms of `computed or loaded` of a step, on the smaller side of a row."""
    return [(place, -1.0), *([(loaded[place], -1.0)] if place in loaded else [])]


def _intervals(runs: Sequence[Run], capacity: int, load: LoadCost) -> list[_Interval]:
    """The intervals that can pay: the artifact fits, and loading it is cheaper than computing all it comes from."""
    seen: dict[str, tuple[int, int]] = {}
    found = []
    offset = 0
    for number, run in enumerate(runs):
        afresh: list[float] = []
        for place, step in enumerate(run.steps, offset):
            # Counts a shared ancestor once for each path to it: more than the true cost, so nothing that pays is lost.
            afresh.append(_seconds(step) + sum(afresh[parent] for parent in step.parents))
            size = _bytes(step)
            if step.key in seen and size <= capacity and load.seconds(size) < afresh[-1]:
                start, first = seen[step.key]
                found.append(_Interval(step.key, size, first, place, start, number))
            seen[step.key] = number, place
        offset += len(run.steps)
    return found


def _seconds(step: StepRun) -> float:
    if step.seconds is None:
        raise ValueError(f"the time of step {step.step!r} is not known")
    return step.seconds


def _bytes(step: StepRun) -> int:
    if step.bytes is None:
        raise ValueError(f"the size of step {step.step!r} is not known")
    return step.bytes
