"""The ways of cutting a graph that `benchmarks.split` compares, and what each makes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.baselines.algorithm3 import Paper
from benchmarks.split_graphs import Subject
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import order_problem, over_budget
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.packing import fill
from couler_plugins.parallelism.simple import BandPack, Levels
from couler_plugins.parallelism.solution import barrier_makespan, fewest_parts, makespan_bound


def depth_first(links: Sequence[Sequence[int]]) -> list[int]:
    """The postorder of a depth-first search: every step after all that it links to.

    With parents it is a topological order; with children the reverse of one.
    """
    order: list[int] = []
    seen = bytearray(len(links))
    linked = bytearray(len(links))
    for some in links:
        for step in some:
            linked[step] = 1
    for root in range(len(links)):
        if linked[root]:
            continue
        stack = [(root, iter(links[root]))]
        seen[root] = 1
        while stack:
            step, remaining = stack[-1]
            for other in remaining:
                if not seen[other]:
                    seen[other] = 1
                    stack.append((other, iter(links[other])))
                    break
            else:
                stack.pop()
                order.append(step)
    return order


__all__ = ["FEW_PARTS", "LAUNCH", "LONG", "METHODS", "OURS", "Cut", "bound", "cut"]

LAUNCH = 10.0
"""Seconds that starting a part takes."""
OURS, FEW_PARTS, LONG = "critical-path", "critical-path{part-weight=1}", "critical-path{effort=10}"

METHODS: dict[str, Callable[[Dag, Budget, float], list[int]]] = {
    "paper": lambda dag, budget, _: Paper().split(dag, budget),
    "levels": lambda dag, budget, _: Levels().split(dag, budget),
    "topological": lambda dag, budget, _: fill(dag, budget, ((step,) for step in range(len(dag)))),
    "depth-first": lambda dag, budget, _: fill(dag, budget, ((step,) for step in depth_first(dag.parents))),
    "bandpack": lambda dag, budget, launch: BandPack(launch=launch).split(dag, budget),
    OURS: lambda dag, budget, launch: CriticalPath(launch=launch).split(dag, budget),
    FEW_PARTS: lambda dag, budget, launch: CriticalPath(launch=launch, part_weight=1).split(dag, budget),
    LONG: lambda dag, budget, launch: CriticalPath(launch=launch, effort=10).split(dag, budget),
}


@dataclass(frozen=True)
class Cut:
    """What a method makes of a graph.

    Attributes:
        subject, method: which graph, and how.
        kind: of the graph.
        launch: seconds that starting a part takes.
        critical_path: of the graph whole, seconds.
        cyclic: whether parts waited for each other; for `paper` before they were merged.
        over: how many parts are over the budget.
        parts_ratio: parts over the fewest possible.
        stretch: makespan over the critical path.
        cut_share: edges between parts, of all edges.
    """

    subject: str
    method: str
    kind: str
    launch: float
    critical_path: float
    cyclic: bool
    over: int
    parts_ratio: float
    stretch: float
    cut_share: float


def cut(subject: Subject, method: str, launch: float) -> Cut:
    """Cuts a graph, and measures what comes out with code that no method shares."""
    dag, budget = subject.dag, subject.budget
    labels = METHODS[method](dag, budget, launch)
    cyclic = order_problem(dag, labels) is not None
    if method == "paper":
        cyclic = bool(Paper().cut(dag, budget).cycles)
    makespan = barrier_makespan(dag, labels, launch)
    length = dag.critical_path()
    crossing = sum(
        labels[parent] != label for label, above in zip(labels, dag.parents, strict=True) for parent in above
    )
    return Cut(
        subject=subject.name,
        method=method,
        kind=subject.kind,
        launch=launch,
        critical_path=length,
        cyclic=cyclic,
        over=len(over_budget(dag, budget, labels)),
        parts_ratio=len(set(labels)) / fewest_parts(dag, budget),
        stretch=makespan / length,
        cut_share=crossing / max(dag.edges, 1),
    )


def bound(subject: Subject, launch: float) -> float:
    """The stretch that no split of a graph goes below."""
    return makespan_bound(subject.dag, subject.budget, launch) / subject.dag.critical_path()
