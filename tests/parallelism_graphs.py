"""Graphs for the tests of splitting: drawn by Hypothesis, and generated in any size."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from couler_plugins.hookspecs.dag import Budget, Dag

__all__ = ["DEADLOCK", "cases", "dag_of", "layered", "named"]

DEADLOCK = {"a": "", "b": "a", "d": "bc", "c": "a", "e": "c", "f": "e"}
"""The example on which the paper's parts wait for each other: A→B→D, A→C→D, C→E→F."""


def named(needs: Mapping[str, str], seconds: float = 1.0) -> Dag:
    """A graph whose steps are letters; of each, the letters that it waits for."""
    names = list(needs)
    return Dag.of(
        names, [[names.index(parent) for parent in above] for above in needs.values()], [seconds] * len(names)
    )


def dag_of(links: Sequence[Sequence[int]], seed: int) -> Dag:
    """A graph of these links whose times and sizes are drawn."""
    chance, count = random.Random(seed), len(links)
    weights = [chance.randint(0, 40) for _ in range(chance.choice((0, 0, 1, 3)))]
    return Dag.of(
        [f"s{step}" for step in range(count)],
        links,
        [chance.choice((0.0, 1.0, chance.lognormvariate(3, 1))) for _ in links],
        bytes=[chance.randint(0, 60) for _ in links],
        steps=[chance.choice((1, 1, 1, 3)) for _ in links],
        pods=[chance.randint(0, 4) for _ in links],
        exports=[chance.randint(0, 9) for _ in links],
        imports=[chance.randint(0, 9) for _ in links],
        wrapper=chance.randint(0, 20),
        shares=[chance.sample(range(len(weights)), chance.randint(0, len(weights))) for _ in links],
        weights=weights,
    )


def layered(count: int, seed: int, width: int = 0) -> dict[str, tuple[str, ...]]:
    """Names with the names that each waits for: layers of which each step waits for one to three of the one above."""
    chance = random.Random(seed)
    width = width or round(count**0.5)
    found: dict[str, tuple[str, ...]] = {}
    for step in range(count):
        first = (step // width - 1) * width
        above = sorted({first + chance.randrange(width) for _ in range(chance.randint(1, 3))}) if first >= 0 else []
        found[f"s{step}"] = tuple(f"s{parent}" for parent in above)
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Dag, Budget]:
    """A graph of up to 40 steps, and a budget that every step of it fits."""
    count = draw(st.integers(0, 40))
    dense = draw(st.integers(1, 4))
    chance = random.Random(draw(st.integers(0, 2**32)))
    links = [
        sorted({chance.randrange(step) for _ in range(chance.randint(0, dense))}) if step else []
        for step in range(count)
    ]
    dag = dag_of(links, chance.randrange(2**32))
    least = [
        dag.wrapper + dag.alone(step) + dag.exports[step] + sum(dag.imports[parent] for parent in dag.parents[step])
        for step in range(count)
    ]
    budget = Budget(
        bytes=draw(st.none() | st.integers(0, 400).map(lambda more: max([1, *least]) + more)),
        steps=draw(st.none() | st.integers(3, 15)),
        pods=draw(st.none() | st.integers(4, 20)),
    )
    return dag, budget
