"""Graphs that run in stages, each after all of the one before: their parts are runs of stages, or pieces of wide ones.

No search is needed. A part that spans two stages has to hold both as a whole, since what is left of the first would
have to end before the second may start. So parts are filled with one stage after the other, which gives the fewest
launches on the way through; a stage that fits no part is cut, and its pieces run side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.bonds import Contraction
from couler_plugins.parallelism.check import check_steps
from couler_plugins.parallelism.packing import Filling

Stages = Sequence[Sequence[int]]
"""The numbers of the steps of each stage."""


class _Block(NamedTuple):
    """Stages that steps hold together: the numbers of the first and the last, and the contracted steps in them."""

    first: int
    last: int
    steps: list[int]


def split_stages(contraction: Contraction, stages: Stages, budget: Budget) -> list[int]:
    """The labels of the contracted steps; all steps of lower labels belong to no later stage.

    Args:
        contraction: the graph, with what stays together as one step.
        stages: those of the graph before it was contracted.
        budget: what a part may have.

    Raises:
        InvalidInput: a step, or stages that cannot be cut apart, are over the budget.
    """
    dag = contraction.dag
    check_steps(dag, budget)
    filling = Filling(dag, budget)
    cut = False
    for block in _blocks(contraction, stages):
        # What comes after the pieces of a stage would have its own piece wait for the others.
        if not cut and filling.take(block.steps):
            continue
        filling.next()
        cut = not filling.take(block.steps)
        if not cut:
            continue
        if block.first < block.last:
            raise _inseparable(contraction, block)
        filling.again()
        filling.take_apart(block.steps)
    return filling.labels


def _blocks(contraction: Contraction, stages: Stages) -> Iterator[_Block]:
    """The stages in order, those together that steps of one set belong to."""
    stage = {step: number for number, steps in enumerate(stages) for step in steps}
    spans = sorted((min(map(stage.__getitem__, group)), at) for at, group in enumerate(contraction.groups))
    block: _Block | None = None
    for first, at in spans:
        last = max(map(stage.__getitem__, contraction.groups[at]))
        if block is not None and first <= block.last:
            block = block._replace(last=max(block.last, last), steps=[*block.steps, at])
        else:
            if block is not None:
                yield block._replace(steps=sorted(block.steps))
            block = _Block(first, last, [at])
    if block is not None:
        yield block._replace(steps=sorted(block.steps))


def _inseparable(contraction: Contraction, block: _Block) -> InvalidInput:
    reasons = dict.fromkeys(reason for step in block.steps for reason in contraction.reasons[step])
    return InvalidInput(
        f"the groups {block.first + 1} to {block.last + 1} have to stay in one part ({next(iter(reasons))}), "
        "and are together too large for a part",
        step=contraction.dag.names[block.steps[0]],
        hint="raise max-steps, max-bytes or max-pods, or remove what ties them together",
    )


def makespan(dag: Dag, stages: Stages, labels: Sequence[int], launch: float) -> float:
    """When the last part ends; seconds. A part starts when those of all earlier stages have ended.

    Args:
        dag: the graph.
        stages: the steps of each of its stages.
        labels: the part of each step.
        launch: seconds that starting a part takes.
    """
    total = 0.0
    open_parts: dict[int, float] = {}
    """What runs side by side at the moment: pieces of a stage, or one part with all of its stages so far."""
    for steps in stages:
        lengths: dict[int, float] = {}
        for step in steps:
            lengths[labels[step]] = max(lengths.get(labels[step], 0.0), dag.seconds[step])
        if lengths.keys() <= open_parts.keys():
            open_parts = {part: length + lengths.get(part, 0.0) for part, length in open_parts.items()}
        else:
            total += launch + max(open_parts.values()) if open_parts else 0.0
            open_parts = lengths
    return total + launch + max(open_parts.values(), default=0.0)
