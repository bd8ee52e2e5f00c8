"""Requests of steps that run one after another in one pod: as much as the largest of their tasks asks for.

Kubernetes reserves the sum over the containers of a pod, though only one step of it runs at a time. So the steps of
the task that asks for most keep what they ask for, and the others ask for nothing; limits stay, as they hold for each
container by itself. What a LimitRange wants at least goes before an empty request
(`pkg/internal/computeresources/transformer.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from couler_plugins.documents.mappings import Mapped, mapping_at
from couler_plugins.ir import parse_quantity

DIVISIBLE = frozenset(["cpu", "memory", "ephemeral-storage"])
"""Resources of which a container may ask for less than its limit."""


def asked_for(step: Mapping[str, Any]) -> Mapped:
    """Return what a step asks for: its requests, or its limits where it has no request for that."""
    amounts = mapping_at(step, "computeResources")
    return {**mapping_at(amounts, "limits"), **mapping_at(amounts, "requests")}


def amount_objection(tasks: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """Return why the requests of tasks cannot be those of one pod, in half a sentence; empty where they can.

    Args:
        tasks: the steps of each.
    """
    by_task = [{name for step in steps for name in asked_for(step)} for steps in tasks]
    shared = {name for names in by_task for name in names if sum(name in others for others in by_task) > 1}
    if strange := sorted(shared - DIVISIBLE):
        return f"several of them ask for {strange[0]}, and the pod would ask for their sum"
    amounts = [(name, asked_for(step).get(name)) for steps in tasks for step in steps for name in sorted(shared)]
    unread = [name for name, amount in amounts if amount is not None and parse_quantity(amount) is None]
    return f"how much {unread[0]} they ask for is only known once they run" if unread else ""


def with_largest(tasks: Sequence[Sequence[Mapped]]) -> list[list[Mapped]]:
    """Return the steps of tasks, so that together they ask for what the largest of the tasks does."""
    totals: dict[str, list[float]] = {}
    for place, steps in enumerate(tasks):
        for step in steps:
            for name, amount in asked_for(step).items():
                totals.setdefault(name, [0.0] * len(tasks))[place] += parse_quantity(amount) or 0.0
    largest = {name: amounts.index(max(amounts)) for name, amounts in totals.items()}
    several = {name for name, amounts in totals.items() if sum(map(bool, amounts)) > 1}

    def with_less(step: Mapped, place: int) -> Mapped:
        less = {name: "0" for name in asked_for(step) if name in several and largest[name] != place}
        amounts = mapping_at(step, "computeResources")
        changed = {**amounts, "requests": {**mapping_at(amounts, "requests"), **less}}
        return {**step, "computeResources": changed} if less else step

    return [[with_less(step, place) for step in steps] for place, steps in enumerate(tasks)]
