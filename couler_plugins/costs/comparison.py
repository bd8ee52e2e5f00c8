"""What a run costs with two versions of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from couler_plugins.costs.estimate import Amounts, Range
from couler_plugins.costs.meter import RunCost, StepCost

NOTHING = Range(0.0, 0.0, 0.0)


def compare_costs(base: Iterable[RunCost], head: Iterable[RunCost]) -> Iterator[RunCost]:
    """Yield the costs of workflows that cost something else than before, or are on one side only.

    Args:
        base: what runs cost before.
        head: what they cost now.

    Returns:
        Costs with `before` at the base and `after` at the head, and the steps that differ. What is on one side only
        costs nothing on the other.
    """
    sides = [{(cost.path, cost.workflow): cost for cost in costs} for costs in (base, head)]
    for key in dict.fromkeys([*sides[1], *sides[0]]):
        pair = [side.get(key) for side in sides]
        present = [cost for cost in pair if cost is not None]
        ranges = [dict.fromkeys(present[0].before, NOTHING) if cost is None else cost.before for cost in pair]
        steps = tuple(_steps(pair))
        names = [
            name for name in ranges[0] if name in ranges[1] and not any(_is_half_known(name, one) for one in steps)
        ]
        before, after = ({name: side[name] for name in names} for side in ranges)
        if steps or before != after:
            notes = dict.fromkeys(note for cost in present for note in cost.notes)
            yield msgspec.structs.replace(present[-1], before=before, after=after, steps=steps, notes=tuple(notes))


def _is_half_known(name: str, step: StepCost) -> bool:
    """Return whether an amount of a step is known on one side only: what a run costs cannot be compared then."""
    return (getattr(step.before, name) is None) != (getattr(step.after, name) is None)


def _steps(pair: Iterable[RunCost | None]) -> Iterator[StepCost]:
    """Yield the steps that cost something else at the head; `before` and `after` are the base and the head."""
    old, new = ({} if cost is None else {step.step: step for step in cost.steps} for cost in pair)
    for label in dict.fromkeys([*new, *old]):
        step = new.get(label) or old[label]
        zero = Amounts(
            **{name: None if one is None else 0.0 for name, one in msgspec.structs.asdict(step.before).items()}
        )
        before, after = (side[label].before if label in side else zero for side in (old, new))
        if before != after:
            yield msgspec.structs.replace(step, before=before, after=after)
