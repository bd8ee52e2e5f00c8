"""Graphs that call themselves: one engine has them, and the others say by which step, and what else can be done."""

from __future__ import annotations

from couler_plugins.ir import Workflow, call_sites, recursive

WAY_OUT = "repeat it inside of the container until it is done, or write it for argo, whose graphs may call themselves"


def into_circle(workflow: Workflow) -> tuple[str, str] | None:
    """The first step from outside that calls a graph that calls itself, and that graph; None where there is none."""
    names = recursive(workflow)
    for graph, step in call_sites(workflow):
        callee = getattr(step.call, "name", "")
        if callee in names and (graph is None or graph.name not in names):
            return step.name, callee
    return None
