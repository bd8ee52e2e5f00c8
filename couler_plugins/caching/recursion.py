"""Workflows that call each other in circles: their steps may run again and again within one run."""

from __future__ import annotations

from collections.abc import Iterable

from couler_plugins.ir import External, Workflow, call_sites

__all__ = ["circular"]

Name = tuple[str, str]


def circular(workflows: Iterable[Workflow]) -> set[int]:
    """The workflows (by `id`) from which calls into libraries lead back to themselves, by name and scope."""
    workflows = list(workflows)
    calls: dict[Name, set[Name]] = {}
    for workflow in workflows:
        targets = calls.setdefault((workflow.library, workflow.name), set())
        for site in call_sites(workflow):
            if isinstance(site.step.call, External):
                targets.add((site.step.call.scope, site.step.call.workflow))
    return {id(workflow) for workflow in workflows if _leads_back((workflow.library, workflow.name), calls)}


def _leads_back(start: Name, calls: dict[Name, set[Name]]) -> bool:
    pending, seen = list(calls[start]), set[Name]()
    while pending:
        name = pending.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            pending.extend(calls.get(name, ()))
    return False
