"""Partitioners, asked in a way that holds them to their contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs import Partitioner
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import check_steps, order_problem, over_budget
from couler_plugins.plugins.registry import blaming, hint_for

WHAT = "partitioner"


@dataclass(frozen=True)
class Split:
    """A graph cut into parts.

    Attributes:
        labels: of each step the number of its part; they never fall along an edge.
        over_budget: a sentence for each part that is too big. Empty, unless the partitioner is one that says that its
            parts may be.
    """

    labels: tuple[int, ...]
    over_budget: tuple[str, ...] = ()


def ask_partitioner(
    partitioner: Partitioner, dag: Dag, budget: Budget, previous: Mapping[str, int] | None = None
) -> Split:
    """How a partitioner cuts a graph, checked by code that no partitioner shares.

    Raises:
        InvalidInput: a step is larger than the budget.
        PluginFailure: it failed, forgot a step, made parts that wait for each other, or parts over the budget.
    """
    check_steps(dag, budget)
    with blaming(WHAT, partitioner.name):
        labels = list(partitioner.split(dag, budget, previous))
    problem = order_problem(dag, labels)
    over = () if problem else tuple(over_budget(dag, budget, labels))
    if over and not partitioner.exceeds:
        problem = over[0]
    if problem:
        raise PluginFailure(f"the partitioner {partitioner.name!r} made a wrong split: {problem}", hint=hint_for(WHAT))
    return Split(tuple(labels), over)
