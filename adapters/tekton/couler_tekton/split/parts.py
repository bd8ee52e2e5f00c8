"""A part of a pipeline: one graph of it as a Pipeline of its own, with what it reads of others as typed parameters."""

from __future__ import annotations

from typing import Any

from couler_plugins.ir import Graph, Operation, Step, Workflow, callables, callees_of, replace
from couler_plugins.parallelism.cuts import base_name
from couler_tekton.cache.declared import entries, rest_of
from couler_tekton.split.resolved_pipeline import PART_OF, ROOT, Whole, workspaces_in
from couler_tekton.variables import Scope


def part_name(whole: Workflow, graph: str) -> str:
    """What a part is called."""
    return f"{base_name(whole)}-{graph}"


def part_of(whole: Whole, graph: Graph) -> Workflow:
    """A graph as a Pipeline.

    Args:
        whole: what the graph is of; its workflow has all that the graph calls.
        graph: the graph; its inputs and outputs have types.
    """
    inner = callees_of(graph.steps, callables(whole.workflow)).values()
    workspaces = workspaces_of(whole, graph.steps)
    rest = Scope().rest({"workspaces": workspaces} if workspaces else {})
    root = replace(graph, name=ROOT, inline=False, finalizers=(), native_extra=rest, source=None)
    marked = {"metadata": {"annotations": {PART_OF: base_name(whole.workflow)}}}
    return Workflow(
        engine="tekton",
        kind="Pipeline",
        library="namespace",
        name=part_name(whole.workflow, graph.name),
        namespace=whole.workflow.namespace,
        graphs=(root, *(item for item in inner if isinstance(item, Graph))),
        operations=tuple(item for item in inner if isinstance(item, Operation)),
        native_extra=Scope().rest(marked),
    )


def workspaces_of(whole: Whole, steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    """The declarations of the workspaces of the pipeline that steps may use, those that only its run names included."""
    used = workspaces_in(steps, callables(whole.workflow))
    declared = entries(rest_of(whole.root), "workspaces")
    of_run = whole.workflow.kind == "PipelineRun"
    bindings = entries(rest_of(whole.workflow).get("spec"), "workspaces") if of_run else []
    names = {str(item.get("name")) for item in declared}
    beside = [
        {"name": item["name"]} for item in bindings if isinstance(item.get("name"), str) and item["name"] not in names
    ]
    return [item for item in (*declared, *beside) if item.get("name") in used]
