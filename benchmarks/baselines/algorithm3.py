"""Couler's own way to split: Algorithm 3 of the paper (ICDE 2024), the baseline.

It walks the graph depth first, from the roots, and starts a part whenever the next step does not fit the one that it
fills. That order is a preorder, in which a step can come before one that it needs: with three steps a part, A→B→D,
A→C→D, C→E→F becomes {A, B, D} and {C, E, F}, each of which waits for the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from couler_plugins.runs.order import topological_order

if TYPE_CHECKING:
    from couler_plugins.hookspecs.dag import Budget, Dag

__all__ = ["Paper", "PaperSplit"]


@dataclass(frozen=True)
class PaperSplit:
    """What Algorithm 3 gives, and what has to be made of it.

    Attributes:
        parts: the number of each step's part as the paper cuts it.
        cycles: sets of those parts that wait for each other, and so never start.
        labels: the parts once each of these sets is one part, which may be over the budget.
    """

    parts: tuple[int, ...]
    cycles: tuple[tuple[int, ...], ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Paper:
    """Couler's Algorithm 3, its typos mended, and parts that wait for each other merged, whatever the budget."""

    name: ClassVar[str] = "paper"
    exceeds: ClassVar[bool] = True

    def split(self, dag: Dag, budget: Budget, previous: Mapping[str, int] | None = None) -> list[int]:
        """The part of each step, cycles merged."""
        return list(self.cut(dag, budget).labels)

    def cut(self, dag: Dag, budget: Budget) -> PaperSplit:
        """The split with the cycles that it had. Sizes are those of the steps alone, as in the paper."""
        from couler_plugins.ir.recursion import strong_components

        parts = _filled(dag, budget, _preorder(dag))
        count = max(parts, default=-1) + 1
        pairs = {(parts[parent], parts[step]) for step, above in enumerate(dag.parents) for parent in above}
        groups = strong_components(count, sorted(pairs))
        merged = {part: number for number, group in enumerate(groups) for part in group}
        needs: list[set[int]] = [set() for _ in groups]
        for before, after in pairs:
            if merged[before] != merged[after]:
                needs[merged[after]].add(merged[before])
        place = {group: number for number, group in enumerate(topological_order(needs))}
        return PaperSplit(
            parts=tuple(parts),
            cycles=tuple(tuple(group) for group in groups if len(group) > 1),
            labels=tuple(place[merged[part]] for part in parts),
        )


def _preorder(dag: Dag) -> list[int]:
    """Every step before those that are first reached through it."""
    seen = bytearray(len(dag))
    order: list[int] = []
    stack = [step for step in range(len(dag) - 1, -1, -1) if not dag.parents[step]]
    while stack:
        step = stack.pop()
        if not seen[step]:
            seen[step] = 1
            order.append(step)
            stack.extend(reversed(dag.children[step]))
    return order


def _filled(dag: Dag, budget: Budget, order: Sequence[int]) -> list[int]:
    parts = [0] * len(dag)
    part = size = count = pods = 0
    for step in order:
        own = dag.alone(step)
        taken = (dag.wrapper + size + own, count + dag.steps[step], pods + dag.pods[step])
        if count and budget.over(*taken):
            part, size, count, pods = part + 1, 0, 0, 0
        parts[step] = part
        size, count, pods = size + own, count + dag.steps[step], pods + dag.pods[step]
    return parts
