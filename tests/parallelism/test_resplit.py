"""An edit of a workflow changes few of its parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from couler_plugins.parallelism.bound import barrier_makespan
from couler_plugins.parallelism.budget import Budget
from couler_plugins.parallelism.check import order_problem, over_budget
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.dag import Dag
from parallelism_graphs import cases, layered

BUDGET = Budget(bytes=150_000, steps=200)
Graph = dict[str, tuple[str, ...]]


def dag(graph: Mapping[str, tuple[str, ...]]) -> Dag:
    number = {name: at for at, name in enumerate(graph)}

    def drawn(name: str) -> random.Random:
        return random.Random(f"size of {name}")

    return Dag.of(
        graph,
        [sorted(number[parent] for parent in above) for above in graph.values()],
        [drawn(name).lognormvariate(3.4, 1.0) for name in graph],
        bytes=[int(drawn(name).lognormvariate(6.1, 0.5)) for name in graph],
        exports=[90] * len(graph),
        imports=[120] * len(graph),
        wrapper=600,
    )


def added(graph: Graph, chance: random.Random) -> Graph:
    return graph | {"new": tuple(chance.sample(sorted(graph), 2))}


def removed(graph: Graph, chance: random.Random) -> Graph:
    gone = chance.choice(sorted(graph))
    return {
        name: tuple(dict.fromkeys(one for parent in above for one in (graph[gone] if parent == gone else (parent,))))
        for name, above in graph.items()
        if name != gone
    }


def inserted(graph: Graph, chance: random.Random) -> Graph:
    below = chance.choice(sorted(name for name in graph if graph[name]))
    above = graph[below][0]
    return graph | {"new": (above,), below: ("new", *graph[below][1:])}


def renamed(graph: Graph, name: str) -> Graph:
    """The graph with its new step, if there is one, called by a name of its own."""
    calls = {one: name if one == "new" else one for one in graph}
    return {calls[one]: tuple(calls[parent] for parent in above) for one, above in graph.items()}


def parts(names: Iterable[str], labels: Iterable[int]) -> set[frozenset[str]]:
    found: dict[int, set[str]] = {}
    for name, label in zip(names, labels, strict=True):
        found.setdefault(label, set()).add(name)
    return {frozenset(some) for some in found.values()}


QUICK = CriticalPath(effort=0.05)


@cache
def first_split(seed: int) -> dict[str, int]:
    before = dag(layered(2_000, seed))
    return dict(zip(before.names, QUICK.split(before, BUDGET), strict=True))


@pytest.mark.parametrize("edit", [added, removed, inserted])
@pytest.mark.parametrize("seed", range(3))
def test_nine_in_ten_steps_stay_in_unchanged_parts(edit: Callable[[Graph, random.Random], Graph], seed: int) -> None:
    labels = first_split(seed)
    after = dag(edit(layered(2_000, seed), random.Random(seed)))
    again = QUICK.split(after, BUDGET, labels)
    assert order_problem(after, again) is None
    assert over_budget(after, BUDGET, again) == []
    same = parts(labels, labels.values()) & parts(after.names, again)
    assert sum(map(len, same)) >= 0.9 * len(after)


@pytest.mark.slow
def test_after_many_edits_it_is_about_as_good_as_a_fresh_split() -> None:
    graph = layered(600, 5)
    budget = Budget(bytes=50_000, steps=60)
    chance = random.Random(5)
    partitioner = CriticalPath(effort=0.05)
    labels: dict[str, int] | None = None
    for number in range(100):
        edit = chance.choice([added, removed, inserted])
        graph = renamed(edit(graph, chance), f"new-{number}")
        now = dag(graph)
        labels = dict(zip(now.names, partitioner.split(now, budget, labels), strict=True))
    now = dag(graph)
    kept = barrier_makespan(now, [labels[name] for name in now.names] if labels else [], 10.0)
    assert kept <= 1.1 * barrier_makespan(now, partitioner.split(now, budget), 10.0)


@settings(max_examples=30)
@given(cases(), st.integers(0, 2**32))
def test_any_earlier_labels_give_a_split(case: tuple[Dag, Budget], seed: int) -> None:
    some, budget = case
    chance = random.Random(seed)
    earlier = {name: chance.randrange(4) for name in [*some.names, "gone"] if chance.random() < 0.8}
    labels = CriticalPath(effort=0.02).split(some, budget, earlier)
    assert order_problem(some, labels) is None
    assert over_budget(some, budget, labels) == []


def test_nothing_changed_changes_nothing() -> None:
    now = dag(layered(800, 6))
    partitioner = CriticalPath(effort=0.05)
    labels = partitioner.split(now, BUDGET)
    assert partitioner.split(now, BUDGET, dict(zip(now.names, labels, strict=True))) == labels
