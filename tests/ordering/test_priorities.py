"""The ranks themselves: engines' own orders against their own code or a plain model, and gains against brute force."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.ordering.priorities import (
    behind,
    gain_of,
    in_turn,
    levels,
    makespan,
    own_orders,
    width,
)
from couler_plugins.simulation.planned import Planned
from support import examples

Links = Sequence[Sequence[int]]


@st.composite
def drawn(draw: st.DrawFn, most: int = 9) -> Planned:
    """A graph of steps that each wait for some of those before."""
    count = draw(st.integers(2, most))
    links = [draw(st.sets(st.integers(0, step - 1), max_size=3)) if step else set() for step in range(count)]
    return tasks(
        [tuple(sorted(some)) for some in links], draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    )


def tasks(parents: Links, seconds: Sequence[float]) -> Planned:
    return Planned(
        steps=[f"s{number}" for number in range(len(parents))],
        seconds=[float(one) for one in seconds],
        parents=parents,
        junctions=frozenset(),
        call_sites=len(parents),
        unknown=0,
        guess=60.0,
        endless=0,
    )


@given(drawn(), st.integers(1, 4), st.sampled_from(["ready", "downstream", "leaves"]))
def test_an_order_that_helps_is_never_slower_than_one_of_the_engine(graph: Planned, slots: int, rule: str) -> None:
    own = own_orders(rule, graph)  # type: ignore[arg-type]  # hypothesis gives texts
    for rank in (levels, in_turn):
        gain = gain_of(graph, slots, own, rank(behind(graph)))
        if gain.helps:
            assert all(gain.after <= makespan(graph, slots, ranks) + 1e-6 for ranks in own)
            assert gain.after < gain.before


@given(drawn())
def test_a_step_goes_before_all_that_it_leads_to(graph: Planned) -> None:
    ranks = in_turn(behind(graph))
    for step, parents in enumerate(graph.parents):
        assert all(ranks[f"s{parent}"] < ranks[f"s{step}"] for parent in parents)
    assert sorted(ranks.values()) == [*range(len(graph.steps))]
    paths = behind(graph)
    for count in (2, 3):
        by_class = levels(paths, count)
        assert set(by_class.values()) <= {*range(count)}
        assert all(by_class[one] <= by_class[two] for one in paths for two in paths if paths[one] >= paths[two])


@given(drawn())
def test_airflow_s_order_is_that_of_its_own_weights(graph: Planned) -> None:
    """A weight is 1 and those of all tasks behind, each once."""
    children: dict[int, set[int]] = {step: set() for step in range(len(graph.steps))}
    for step, parents in enumerate(graph.parents):
        for parent in parents:
            children[parent].add(step)

    def descendants(step: int) -> set[int]:
        return children[step].union(*(descendants(child) for child in children[step]))

    (ranks,) = own_orders("downstream", graph)
    assert ranks == {f"s{step}": -len(descendants(step)) for step in children}


@given(drawn())
def test_argo_s_order_is_a_walk_from_the_leaves(graph: Planned) -> None:
    """Each comes after what it needs, and all that the first leaf needs before what the others alone need."""
    names = {step: [f"s{one}" for one in parents] for step, parents in zip(graph.steps, graph.parents, strict=True)}
    leaves = sorted(set(names) - {name for some in names.values() for name in some})

    def cone(step: str) -> set[str]:
        return {step}.union(*(cone(one) for one in names[step]))

    for ranks in own_orders("leaves", graph):
        assert all(ranks[one] < ranks[step] for step, some in names.items() for one in some)
        seen: set[str] = set()
        for leaf in leaves:
            new = cone(leaf) - seen
            assert {ranks[step] for step in new} == {*range(len(seen), len(seen) + len(new))}
            seen |= new


def test_the_longest_path_is_close_to_the_best_order() -> None:
    """Over all orders of small graphs, it is the best one or nearly so."""
    chance, ratios = random.Random(7), []
    for _ in range(examples(40)):
        links = [
            sorted({chance.randrange(step) for _ in range(chance.choice((0, 1, 2)))}) if step else []
            for step in range(6)
        ]
        graph = tasks(links, [chance.randint(1, 9) for _ in links])
        best = min(makespan(graph, 2, dict(zip(graph.steps, order, strict=True))) for order in permutations(range(6)))
        ratios.append(makespan(graph, 2, in_turn(behind(graph))) / best)
    assert max(ratios) < 1.35
    assert sum(ratios) / len(ratios) < 1.03


def test_the_width_is_what_runs_at_once() -> None:
    assert width(tasks([(), (), (0,), (0,), (1,)], [1, 1, 1, 1, 1])) == 3
    assert width(tasks([(), (0,), (1,)], [1, 0, 1])) == 1


@pytest.mark.parametrize("tolerant", [False, True])
def test_argo_s_end_is_the_same_with_all_tasks_as_targets(tolerant: bool) -> None:
    """A model of `assessDAGPhase` in Argo's controller; where failures are tolerated, it is not, and is refused."""
    chance, differing = random.Random(3), 0
    for _ in range(examples(300)):
        links = [
            sorted({chance.randrange(step) for _ in range(chance.choice((0, 1, 2)))}) if step else []
            for step in range(7)
        ]
        loses = {step for step in range(7) if chance.random() < 0.2}
        accepts = [
            {
                one: chance.choice((("Succeeded",), ("Succeeded", "Failed", "Omitted"))) if tolerant else ("Succeeded",)
                for one in some
            }
            for some in links
        ]
        phases = run(accepts, loses)
        leaves = set(range(7)) - {one for some in links for one in some}
        differing += ends(phases, links, leaves) != ends(phases, links, set(range(7)))
    assert bool(differing) is tolerant


def run(accepts: Sequence[Mapping[int, Sequence[str]]], loses: set[int]) -> list[str]:
    """How each task ends that accepts such ends of what it needs."""
    phases: list[str] = []
    for step, some in enumerate(accepts):
        goes = all(phases[one] in outcomes for one, outcomes in some.items())
        phases.append("Omitted" if not goes else "Failed" if step in loses else "Succeeded")
    return phases


def ends(phases: Sequence[str], links: Links, targets: set[int]) -> str:
    """How the DAG ends: a target that is omitted counts as a failure that leads to it, if any does."""
    branches: list[str] = []
    for step, parents in enumerate(links):
        above = "Failed" if any(branches[one] == "Failed" for one in parents) else "Succeeded"
        branches.append(above if phases[step] == "Omitted" else phases[step])
    return "Failed" if any(branches[step] == "Failed" for step in targets) else "Succeeded"
