"""Trigger rules in terms of outcomes that other engines have, too.

Airflow's `failed` is everybody's `failed` or `errored`. Where rules are not met, Airflow says `upstream_failed`, which
is `omitted`, or `skipped`, although no condition was false: what waits for that is refused unless it takes both alike.
Nothing else is skipped: operators that skip tasks are not carried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_airflow.illegal import refuse
from couler_plugins.ir import Graph, Need, Needs, map_needs, needed

__all__ = ["portable_needs"]

EVERY = ("all_success", "all_done", "none_failed", "all_failed", "always")
"""The rules that ask the same of all upstream tasks, and wait for all of them."""


def portable_needs(graph: Graph, tasks: Mapping[str, Any]) -> dict[str, Needs | None]:
    """What each step waits for.

    Raises:
        Unsupported: other engines would start, or leave out, a task in other cases than Airflow.
    """
    rules = {step.name: _rule(tasks[step.name]) for step in graph.steps}
    hollow = {name for name, rule in rules.items() if rule == "all_failed"}
    needs: dict[str, Needs | None] = {}
    for step in graph.steps:
        rule, before = rules[step.name], sorted({need.step for need in needed(step.needs)})
        if rule not in EVERY:
            raise refuse("Step.needs", step.name, f"has the trigger rule {rule}")
        if rule == "all_failed" and len(before) > 1:
            raise refuse("Step.needs", step.name, "waits for the failure of several tasks")
        if rule != "all_done" and hollow.intersection(before):
            raise refuse("Step.needs", step.name, "waits for a task that Airflow skips where nothing failed")
        needs[step.name] = None if step.needs is None else map_needs(step.needs, _with_errors)
    return needs


def _rule(task: Any) -> str:
    return str(getattr(task.trigger_rule, "value", task.trigger_rule))


def _with_errors(need: Need) -> Need:
    if "failed" not in need.outcomes:
        return need
    return Need(step=need.step, outcomes=tuple(sorted({*need.outcomes, "errored"})))
