"""Parts that are grown: side by side where that is possible, and from what ends first."""

from __future__ import annotations

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.growing import grow
from couler_plugins.parallelism.solution import barrier_makespan
from parallelism_graphs import named

CHAINS = named({"a": "", "b": "a", "c": "b", "d": "c", "w": "", "x": "w", "y": "x", "z": "y"}, 10.0)


def test_chains_run_side_by_side() -> None:
    labels = grow(CHAINS, Budget(steps=2), 10.0, urgency=0.0, ready=0.5, nearness=2.0)
    parts = {tuple(step for step in range(8) if labels[step] == label) for label in labels}
    assert parts == {(0, 1), (2, 3), (4, 5), (6, 7)}
    assert barrier_makespan(CHAINS, labels, 10.0) == 60.0


def test_without_nearness_what_ends_first_comes_first() -> None:
    labels = grow(CHAINS, Budget(steps=2), 10.0, urgency=0.0, ready=0.5, nearness=0.0)
    assert labels[0] == labels[4] == 0


def test_a_step_on_the_longest_path_comes_before_one_that_ends_sooner() -> None:
    dag = Dag.of("abc", [[], [], [0]], [20.0, 5.0, 90.0])
    assert grow(dag, Budget(steps=1), 10.0, urgency=1.0, ready=1.0, nearness=0.0) == [0, 1, 2]
    assert grow(dag, Budget(steps=1), 10.0, urgency=0.0, ready=1.0, nearness=0.0) == [1, 0, 2]


def test_a_part_does_not_wait_for_what_only_others_need() -> None:
    """Once the quick steps are done, what follows from them starts; the slow one runs on in a part of its own."""
    dag = Dag.of("abcd", [[], [], [1], [2]], [500.0, 1.0, 1.0, 1.0])
    labels = grow(dag, Budget(steps=2), 10.0, urgency=0.0, ready=0.5, nearness=0.0)
    assert labels[1] == labels[2] == 0
    assert barrier_makespan(dag, labels, 10.0) == 510.0


def test_what_is_larger_than_a_part_has_one_of_its_own() -> None:
    dag = Dag.of("abcd", [[], [], [0, 1], [2]], [1.0] * 4, imports=[50] * 4)
    labels = grow(dag, Budget(bytes=10, steps=2), 10.0, urgency=1.0, ready=1.0, nearness=0.0)
    assert [labels.count(label) for label in labels][2] == 1
