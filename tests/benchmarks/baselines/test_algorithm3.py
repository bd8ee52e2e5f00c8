"""The paper's algorithm, and what is wrong with it."""

from __future__ import annotations

from benchmarks.baselines.algorithm3 import Paper
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import ask_partitioner
from parallelism_graphs import DEADLOCK, named


def parts(dag: Dag, labels: tuple[int, ...]) -> list[str]:
    return ["".join(sorted(dag.names[step] for step in range(len(dag)) if labels[step] == label))
            for label in sorted(set(labels))]  # fmt: skip


def test_its_parts_wait_for_each_other() -> None:
    dag = named(DEADLOCK)
    found = Paper().cut(dag, Budget(steps=3))
    assert parts(dag, found.parts) == ["abd", "cef"]
    assert found.cycles == ((0, 1),)
    assert parts(dag, found.labels) == ["abcdef"]


def test_merging_them_breaks_the_budget_which_is_said() -> None:
    split = ask_partitioner(Paper(), named(DEADLOCK), Budget(steps=3))
    assert split.over_budget == ("part 0 takes 6 steps of at most 3",)


def test_where_the_order_is_topological_it_does_no_harm() -> None:
    dag = named({"a": "", "b": "a", "c": "b", "d": "c"})
    found = Paper().cut(dag, Budget(steps=2))
    assert (parts(dag, found.parts), found.cycles) == (["ab", "cd"], ())
    assert ask_partitioner(Paper(), dag, Budget(steps=2)).over_budget == ()


def test_labels_of_merged_parts_are_in_order() -> None:
    dag = named({"x": "", **DEADLOCK, "g": "fx", "h": "g", "i": "h"})
    found = Paper().cut(dag, Budget(steps=3))
    assert found.cycles
    assert all(found.labels[parent] <= found.labels[step] for step in range(len(dag)) for parent in dag.parents[step])
