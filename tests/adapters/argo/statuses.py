"""Statuses of Workflows, written as Argo's controller does, and the runs that they tell of."""

from __future__ import annotations

from typing import Any

from couler_argo.history import run_of
from couler_plugins.runs import Run, StepRun

__all__ = ["TEMPLATES", "Nodes", "node", "parents", "run", "steps", "workflow"]

Nodes = dict[str, dict[str, Any]]
TEMPLATES = [{"name": "main", "dag": {}}, {"name": "work", "container": {"image": "work:1"}}]


def node(kind: str, name: str, *children: str, **more: Any) -> dict[str, Any]:
    """A node that ran the template `work` in `main`, from the first to the fourth minute unless said otherwise."""
    times = {"startedAt": "2026-01-01T00:01:00Z", "finishedAt": "2026-01-01T00:04:00Z"}
    base = {"type": kind, "displayName": name, "phase": "Succeeded", "templateName": "work", "boundaryID": "main"}
    return {**base, **times, "children": list(children), **more}


def workflow(nodes: Nodes, **more: Any) -> dict[str, Any]:
    main = {"type": "DAG", "displayName": "wf", "phase": "Succeeded", "templateName": "main", "children": []}
    first = next(iter(nodes))
    status = {"finishedAt": "2026-01-01T01:00:00Z", "nodes": {"main": {**main, "children": [first]}, **nodes}}
    metadata = {"name": "wf-abc", "generateName": "wf-"}
    spec = {"templates": TEMPLATES}
    return {
        "kind": "Workflow",
        "apiVersion": "argoproj.io/v1alpha1",
        "metadata": metadata,
        "spec": spec,
        "status": status,
        **more,
    }


def run(nodes: Nodes) -> Run:
    found = run_of(workflow(nodes))
    assert found is not None
    return found


def steps(nodes: Nodes) -> dict[str, StepRun]:
    return {ran.step: ran for ran in run(nodes).steps}


def parents(nodes: Nodes) -> dict[str, list[str]]:
    found = run(nodes)
    return {ran.step: [found.steps[parent].step for parent in ran.parents] for ran in found.steps}
