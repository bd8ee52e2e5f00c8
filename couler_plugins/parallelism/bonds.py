"""Steps that have to stay together, contracted, so that partitioners need not know of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.ir import Bond
from couler_plugins.ir.recursion import strong_components
from couler_plugins.runs.order import longest_path

SHOWN = 5
"""Steps and reasons that an error names."""


@dataclass(frozen=True)
class Contraction:
    """A graph in which steps that stay together are one.

    Attributes:
        dag: the smaller graph; a set of steps is named after the first of them.
        groups: of each of its steps, the numbers of the original steps, sorted.
        reasons: of each of its steps, why those stay together, each reason once; none for a step by itself.
    """

    dag: Dag
    groups: tuple[tuple[int, ...], ...]
    reasons: tuple[tuple[str, ...], ...]

    def expand(self, labels: Sequence[int]) -> list[int]:
        """The labels of the original steps, from those of the smaller graph's."""
        result = [0] * sum(map(len, self.groups))
        for group, label in zip(self.groups, labels, strict=True):
            for step in group:
                result[step] = label
        return result


def contract(dag: Dag, bonds: Iterable[Bond], budget: Budget) -> Contraction:
    """Makes every set of bonded steps one, with all that lies on a path that leaves it and comes back.

    What a set is counted with is never less than what it takes: a step that reads one of its members is counted as
    reading all of them that anyone outside reads, and the set takes as long as its longest path.

    Raises:
        InvalidInput: a bond names a step that is not there, or a set is larger than the budget.
    """
    number = {name: step for step, name in enumerate(dag.names)}
    edges = [(parent, step) for step, above in enumerate(dag.parents) for parent in above]
    anchors: list[tuple[int, str]] = []
    for bond in bonds:
        missing = [name for name in bond.steps if name not in number]
        if missing:
            raise InvalidInput(f"a bond names {missing[0]!r}, which is no step ({bond.reason})", step=missing[0])
        steps = [number[name] for name in bond.steps]
        # In a ring, they reach each other: the strongly connected components are the closures.
        edges += zip(steps, [*steps[1:], *steps[:1]], strict=True)
        anchors += [(steps[0], bond.reason)] if len(set(steps)) > 1 else []
    groups = strong_components(len(dag), edges)
    group_of = {step: place for place, group in enumerate(groups) for step in group}
    reasons: list[dict[str, None]] = [{} for _ in groups]
    for step, reason in anchors:
        reasons[group_of[step]][reason] = None
    for group, why in zip(groups, reasons, strict=True):
        _check(dag, budget, group, list(why))
    return _contracted(dag, groups, group_of, reasons)


def _contracted(
    dag: Dag, groups: Sequence[Sequence[int]], group_of: dict[int, int], reasons: Sequence[Iterable[str]]
) -> Contraction:
    read = [
        [step for step in group if any(group_of[child] != place for child in dag.children[step])]
        for place, group in enumerate(groups)
    ]
    above = [
        {group_of[parent] for step in group for parent in dag.parents[step]} - {place}
        for place, group in enumerate(groups)
    ]
    smaller = Dag.of(
        [dag.names[group[0]] for group in groups],
        above,
        [longest_path(group, dag.parents, dag.seconds) for group in groups],
        bytes=[sum(dag.bytes[step] for step in group) for group in groups],
        steps=[sum(dag.steps[step] for step in group) for group in groups],
        pods=[sum(dag.pods[step] for step in group) for group in groups],
        exports=[sum(dag.exports[step] for step in some) for some in read],
        imports=[sum(dag.imports[step] for step in some) for some in read],
        wrapper=dag.wrapper,
        shares=[sorted({piece for step in group for piece in dag.shares[step]}) for group in groups],
        weights=dag.weights,
    )
    place = {dag.names[group[0]]: at for at, group in enumerate(groups)}
    order = [place[name] for name in smaller.names]
    return Contraction(smaller, tuple(tuple(groups[at]) for at in order), tuple(tuple(reasons[at]) for at in order))


def _check(dag: Dag, budget: Budget, group: Sequence[int], reasons: Sequence[str]) -> None:
    """Checks that steps which stay together fit into one part.

    Raises:
        InvalidInput: they do not.
    """
    if len(group) < 2:
        return
    size = dag.wrapper + sum(dag.bytes[step] for step in group) + dag.shared(group)
    count, pods = sum(dag.steps[step] for step in group), sum(dag.pods[step] for step in group)
    for what, amount, limit in budget.over(size, count, pods):
        names = ", ".join(repr(dag.names[step]) for step in group[:SHOWN])
        more = f" and {len(group) - SHOWN:,} more" if len(group) > SHOWN else ""
        why = "; ".join(reasons[:SHOWN])
        raise InvalidInput(
            f"{names}{more} have to stay in one part ({why}), and together take {amount:,} {what}: "
            f"{amount - limit:,} more than the {limit:,} that a part may have",
            step=dag.names[group[0]],
            hint="raise max-steps, max-bytes or max-pods, or remove what ties them together",
        )
