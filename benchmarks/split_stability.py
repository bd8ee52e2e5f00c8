"""How little of a split changes when a workflow is edited, and how good it stays."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.split_graphs import BUDGET, KINDS, dag_of, drawn_bytes, drawn_seconds
from couler_plugins.hookspecs.dag import Dag
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.solution import barrier_makespan

__all__ = ["EDITS", "Graph", "ManyEdits", "OneEdit", "dag_of_names", "edited", "linked", "stability", "unchanged"]

LAUNCH = 10.0
OFTEN = ("layered", "random")
"""The kinds of which a graph is edited many times."""
QUICK = 0.05
"""The effort at which all but the last of many edits are followed."""

Graph = Mapping[str, tuple[str, ...]]
"""Of each step, the names of those that it waits for."""


def linked(kind: str, count: int, seed: int) -> Graph:
    """A graph of a kind of `split_graphs`, by names."""
    links = KINDS[kind](count, random.Random(f"{kind}:{count}:{seed}"))
    return {f"step-{step}": tuple(f"step-{parent}" for parent in above) for step, above in enumerate(links)}


def dag_of_names(graph: Graph) -> Dag:
    """The graph with seconds and bytes that follow from a step's name, whatever else is in the graph."""
    number = {name: at for at, name in enumerate(graph)}
    links = [sorted(number[parent] for parent in above) for above in graph.values()]
    drawn = [random.Random(name) for name in graph]
    return dag_of(list(graph), links, list(map(drawn_seconds, drawn)), list(map(drawn_bytes, drawn)))


def added(graph: Graph, name: str, chance: random.Random) -> Graph:
    """A new step that waits for two others."""
    return {**graph, name: tuple(chance.sample(sorted(graph), 2))}


def removed(graph: Graph, _: str, chance: random.Random) -> Graph:
    """One step less; what waited for it waits for what it waited for."""
    gone = chance.choice(sorted(graph))
    return {
        name: tuple(dict.fromkeys(one for parent in above for one in (graph[gone] if parent == gone else (parent,))))
        for name, above in graph.items()
        if name != gone
    }


def inserted(graph: Graph, name: str, chance: random.Random) -> Graph:
    """A new step between two of which one waits for the other."""
    below = chance.choice(sorted(name for name in graph if graph[name]))
    above, *others = graph[below]
    return {**graph, name: (above,), below: (name, *others)}


EDITS: dict[str, Callable[[Graph, str, random.Random], Graph]] = {
    "added": added,
    "removed": removed,
    "inserted": inserted,
}


@dataclass(frozen=True)
class OneEdit:
    """A graph that is split, edited, and split again: the share of its steps that stay in unchanged parts."""

    kind: str
    steps: int
    seed: int
    edit: str

    @property
    def cost(self) -> float:
        return 20 * self.steps

    def __call__(self) -> float:
        before = linked(self.kind, self.steps, self.seed)
        labels = _split(before)
        after = EDITS[self.edit](before, "new", random.Random(f"{self.edit}:{self.seed}"))
        return unchanged(labels, _split(after, labels))


@dataclass(frozen=True)
class ManyEdits:
    """A graph that is edited again and again, its split following: the makespan in the end over a fresh split's."""

    kind: str
    steps: int
    seed: int
    edits: int

    @property
    def cost(self) -> float:
        return (30 + 10 * QUICK * self.edits) * self.steps

    def __call__(self) -> float:
        chance = random.Random(f"edits:{self.seed}")
        graph = linked(self.kind, self.steps, self.seed)
        labels = _split(graph)
        for number in range(self.edits):
            edit = EDITS[chance.choice(sorted(EDITS))]
            graph = edit(graph, f"new-{number}", chance)
            labels = _split(graph, labels, QUICK)
        kept, fresh = (_makespan(graph, some) for some in (_split(graph, labels), _split(graph)))
        return kept / fresh


def edited(steps: int, edits: int, seed: int) -> list[OneEdit | ManyEdits]:
    """What is done to graphs of so many steps."""
    once = [OneEdit(kind, steps, seed, edit) for kind in KINDS for edit in EDITS]
    return [*once, *(ManyEdits(kind, steps, seed, edits) for kind in OFTEN)]


def stability(tasks: Sequence[OneEdit | ManyEdits], found: Sequence[float]) -> dict[str, dict[str, float]]:
    """The figures, by the kind of edit and of graph."""
    shares: dict[str, list[float]] = {}
    ratios: dict[str, float] = {}
    for task, value in zip(tasks, found, strict=True):
        if isinstance(task, OneEdit):
            shares.setdefault(task.edit, []).append(value)
        else:
            ratios[task.kind] = value
    return {
        "unchanged_min": {edit: min(some) for edit, some in shares.items()},
        "unchanged_mean": {edit: statistics.fmean(some) for edit, some in shares.items()},
        "ratio_after_many": ratios,
    }


def unchanged(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """The share of the steps that are in parts of which nothing changed."""
    same = _parts(before) & _parts(after)
    return sum(map(len, same)) / len(after)


def _split(graph: Graph, previous: Mapping[str, int] | None = None, effort: float = 1.0) -> dict[str, int]:
    dag = dag_of_names(graph)
    return dict(zip(dag.names, CriticalPath(effort=effort).split(dag, BUDGET, previous), strict=True))


def _makespan(graph: Graph, labels: Mapping[str, int]) -> float:
    dag = dag_of_names(graph)
    return barrier_makespan(dag, [labels[name] for name in dag.names], LAUNCH)


def _parts(labels: Mapping[str, int]) -> set[frozenset[str]]:
    found: dict[int, set[str]] = {}
    for name, label in labels.items():
        found.setdefault(label, set()).add(name)
    return {frozenset(some) for some in found.values()}
