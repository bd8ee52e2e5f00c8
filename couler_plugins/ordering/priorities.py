"""Priorities of steps: who goes first where slots are scarce, and what that gains in simulation."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from couler_plugins.hookspecs.ordering import StartRule
from couler_plugins.runs.order import children_of
from couler_plugins.simulation.planned import Planned
from couler_plugins.simulation.schedule import schedule

DRAWS = 5
"""How many orders stand for all those that an engine may draw."""
SAME = 1e-9
"""The share of a time by which another one that counts as equal may differ."""
Ranks = Mapping[str, int]
"""By step; of those that could start, the one of the smallest rank does."""


class Gain(NamedTuple):
    """What an order of steps gains.

    Attributes:
        ranks: the order.
        before: seconds that a run takes in the engine's own order; the mean, where it draws one.
        after: seconds that a run takes in this order.
        helps: whether that is shorter, and no longer in any order that the engine may draw.
    """

    ranks: Ranks
    before: float
    after: float
    helps: bool


def behind(tasks: Planned) -> dict[str, float]:
    """Return the seconds of the longest path from the start of each step on, in the order of the tasks."""
    tails = [0.0] * len(tasks.seconds)
    children = children_of(tasks.parents)
    for task in range(len(tails) - 1, -1, -1):
        tails[task] = max((tails[child] for child in children[task]), default=0.0) + tasks.seconds[task]
    longest: dict[str, float] = {}
    for step, tail in zip(tasks.steps, tails, strict=True):
        longest[step] = max(tail, longest.get(step, 0.0))
    longest.pop("", None)
    return longest


def levels(longest: Mapping[str, float], count: int = 0) -> dict[str, int]:
    """Return ranks by the longest path: the longest has rank 0, and equals have one rank.

    Args:
        longest: the seconds from the start of each step on.
        count: how many ranks there may be, of equal ranges of seconds; 0 for as many as it takes.
    """
    if count:
        most = max(longest.values()) or 1.0
        return {step: count - 1 - min(count - 1, int(count * tail / most)) for step, tail in longest.items()}
    places = {tail: place for place, tail in enumerate(sorted({*longest.values()}, reverse=True))}
    return {step: places[tail] for step, tail in longest.items()}


def in_turn(longest: Mapping[str, float]) -> dict[str, int]:
    """Return ranks by the longest path of which no two are equal: of equals, the one that comes first goes first."""
    return {step: place for place, step in enumerate(sorted(longest, key=lambda step: -longest[step]))}


def width(tasks: Planned) -> int:
    """Return how many tasks run at once at most where nothing limits them."""
    times = schedule(tasks.seconds, tasks.parents)
    pairs = zip(times.starts, times.ends, strict=True)
    events = sorted(
        (at, change)
        for task, (start, end) in enumerate(pairs)
        if task not in tasks.junctions
        for at, change in ((start, 1), (end, -1))
    )
    most = now = 0
    for _, change in events:
        now += change
        most = max(most, now)
    return most


def own_orders(rule: StartRule, tasks: Planned) -> list[Ranks]:
    """Return the orders in which an engine starts steps by itself; several where it draws one each time."""
    before: dict[str, dict[str, None]] = {step: {} for step in tasks.steps if step}
    for step, parents in zip(tasks.steps, tasks.parents, strict=True):
        if step:
            before[step].update(dict.fromkeys(name for one in parents if (name := tasks.steps[one]) not in ("", step)))
    if rule == "downstream":
        return [_by_descendants(before)]
    return [_by_leaves(before, draw) for draw in range(DRAWS)] if rule == "leaves" else [dict.fromkeys(before, 0)]


def _by_descendants(before: Mapping[str, Mapping[str, None]]) -> Ranks:
    """Return ranks by the number of steps behind each, most of them first; sets of steps are bit masks."""
    masks = dict.fromkeys(before, 0)
    for number, step in reversed(list(enumerate(before))):
        for parent in before[step]:
            masks[parent] |= masks[step] | 1 << number
    return {step: -mask.bit_count() for step, mask in masks.items()}


def _by_leaves(before: Mapping[str, Mapping[str, None]], draw: int) -> Ranks:
    """Return the order in which steps are met from the leaves, by name: what one needs first, in an order drawn."""
    chance = random.Random(draw)  # noqa: S311 - a simulation, not a secret
    places: dict[str, int] = {}
    pending = sorted(before.keys() - {name for names in before.values() for name in names}, reverse=True)
    opened: set[str] = set()
    while pending:
        step = pending[-1]
        if step in opened:
            places.setdefault(pending.pop(), len(places))
            continue
        opened.add(step)
        needs = [name for name in before[step] if name not in opened]
        pending += chance.sample(needs, len(needs))
    return places


def makespan(tasks: Planned, slots: int, ranks: Ranks) -> float:
    """Return the seconds that a run takes with so many slots."""
    order = [ranks.get(step, 0) for step in tasks.steps]
    return schedule(tasks.seconds, tasks.parents, workers=slots, idle=tasks.junctions, ranks=order).makespan


def gain_of(tasks: Planned, slots: int, own: Sequence[Ranks], ranks: Ranks) -> Gain:
    """Return what an order gains over those of an engine."""
    times = [makespan(tasks, slots, one) for one in own]
    after = makespan(tasks, slots, ranks)
    before = sum(times) / len(times)
    return Gain(ranks, before, after, after < before * (1 - SAME) and after < min(times) * (1 + SAME))
