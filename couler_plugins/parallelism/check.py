"""What the parts of a split are, taken from the graph and the labels alone; it shares no code with any search.

Partitioners, asked in a way that holds them to their contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.hookspecs import Partitioner
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.plugins.registry import blaming, hint_for


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        label: its number; parts need nothing of those with larger numbers.
        members: the numbers of its steps.
        bytes, steps, pods: what it takes of a budget, all that crosses its border included.
        reads: the steps outside it that it reads.
        read: those of its own steps that others read.
    """

    label: int
    members: tuple[int, ...]
    bytes: int
    steps: int
    pods: int
    reads: frozenset[int]
    read: frozenset[int]


def order_problem(dag: Dag, labels: Sequence[int]) -> str | None:
    """What keeps labels from being a split: not one for each step, no numbers, or an edge along which they fall."""
    if len(labels) != len(dag):
        return f"{len(labels)} labels for {len(dag)} steps"
    for step, label in enumerate(labels):
        if type(label) is not int or label < 0:
            return f"the label of {dag.names[step]!r} is {label!r:.40}, not a number from 0 on"
    for step, above in enumerate(dag.parents):
        for parent in above:
            if labels[parent] > labels[step]:
                edge = f"{dag.names[parent]!r} (part {labels[parent]}) to {dag.names[step]!r} (part {labels[step]})"
                return f"labels fall along the edge from {edge}"
    return None


def parts_of(dag: Dag, labels: Sequence[int]) -> list[Part]:
    """The parts by label, with exactly what each takes."""
    members: dict[int, list[int]] = {label: [] for label in sorted(set(labels))}
    for step, label in enumerate(labels):
        members[label].append(step)
    parts = []
    for label, steps in members.items():
        own = set(steps)
        reads = frozenset(parent for step in steps for parent in dag.parents[step]) - own
        read = frozenset(step for step in steps if not own.issuperset(dag.children[step]))
        size = dag.wrapper + sum(dag.bytes[step] for step in steps)
        size += sum(dag.weights[piece] for piece in {piece for step in steps for piece in dag.shares[step]})
        size += sum(dag.imports[step] for step in reads) + sum(dag.exports[step] for step in read)
        count, pods = (sum(column[step] for step in steps) for column in (dag.steps, dag.pods))
        parts.append(Part(label, tuple(steps), size, count, pods, reads, read))
    return parts


def over_budget(dag: Dag, budget: Budget, labels: Sequence[int]) -> list[str]:
    """A sentence for each part and component that is over budget."""
    return [
        f"part {part.label} takes {amount:,} {what} of at most {limit:,}"
        for part in parts_of(dag, labels)
        for what, amount, limit in budget.over(part.bytes, part.steps, part.pods)
    ]


def check_steps(dag: Dag, budget: Budget) -> None:
    """Checks that every step fits into a part of its own, with all that it reads from outside.

    Raises:
        InvalidInput: one does not; it is named with the component and by how much.
    """
    limit_bytes, limit_steps, limit_pods = budget.limits
    imports = dag.imports
    for step, above in enumerate(dag.parents):
        size = dag.wrapper + dag.alone(step) + (dag.exports[step] if dag.children[step] else 0)
        for parent in above:
            size += imports[parent]
        if size > limit_bytes or dag.steps[step] > limit_steps or dag.pods[step] > limit_pods:
            raise _too_large(dag, step, budget.over(size, dag.steps[step], dag.pods[step])[0])


def _too_large(dag: Dag, step: int, over: tuple[str, int, int]) -> InvalidInput:
    what, amount, limit = over
    name, above = dag.names[step], dag.parents[step]
    reads = f", with what it reads of {len(above):,} others" if what == "bytes" and above else ""
    return InvalidInput(
        f"the step {name!r} alone takes {amount:,} {what}{reads}: {amount - limit:,} more than the {limit:,} "
        "that a part may have",
        step=name,
        hint="raise max-steps, max-bytes or max-pods, or move long texts of the step into a ConfigMap or an artifact",
    )


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
