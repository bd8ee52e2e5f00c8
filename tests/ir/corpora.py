"""The corpora of the engines, lifted, and counts made from the raw documents without the adapters' help."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from adapters.subjects import KFP, TEKTON, lift_file
from couler_plugins.ir import Graph, Workflow, references

TEKTON_VARIABLE = re.compile(
    r"\$\((?:inputs\.)?(?:params|tasks|finally|results|workspaces|context|steps?|credentials|artifacts)[.\[][^()$]*\)"
)


@cache
def documents(path: Path) -> tuple[Any, ...]:
    with path.open(encoding="utf-8") as file:
        return tuple(yaml.load_all(file, yaml.CSafeLoader))


@cache
def tekton_workflows(path: Path) -> tuple[Workflow, ...]:
    return lift_file(TEKTON, path).workflows


@cache
def kfp_workflow(path: Path) -> Workflow:
    (workflow,) = lift_file(KFP, path).workflows
    return workflow


def mappings(data: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in a document, with the key that it stands under."""
    if isinstance(data, dict):
        yield key, data
        for name, item in data.items():
            yield from mappings(item, name)
    for item in data if isinstance(data, list) else ():
        yield from mappings(item)


def tekton_counts(path: Path) -> dict[str, int]:
    """What a set of Tekton documents holds: read off their keys."""
    every = [one for item in documents(path) if item for one in item.get("items", [item])]
    ours = [item for item in every if item["apiVersion"].startswith("tekton.dev/")]
    actions = [item for item in ours if item["kind"] == "StepAction"]
    specs = [
        ("pipelineSpec" if item["kind"] == "Pipeline" else "taskSpec", item["spec"])
        for item in ours
        if item["kind"] in ("Pipeline", "Task")
    ]
    specs += [found for item in ours for found in mappings(item) if found[0] in ("pipelineSpec", "taskSpec")]
    pipelines = [spec for key, spec in specs if key == "pipelineSpec"]
    tasks = [spec for key, spec in specs if key == "taskSpec" and "apiVersion" not in spec]
    pipeline_tasks = [task for spec in pipelines for key in ("tasks", "finally") for task in spec.get(key, ())]
    return {
        "graphs": len(pipelines),
        "steps": len(pipeline_tasks),
        "finalizers": sum(len(spec.get("finally", ())) for spec in pipelines),
        "operations": len(tasks) + len(actions),
        "containers": len(actions) + sum(len(item.get(key, ())) for item in tasks for key in ("steps", "sidecars")),
        "order edges": sum(len(task.get("runAfter", ())) for task in pipeline_tasks),
        "conditions": sum("when" in task for task in pipeline_tasks),
        "loops": sum("matrix" in task for task in pipeline_tasks),
        "references": sum(len(TEKTON_VARIABLE.findall(json.dumps(item["spec"]))) for item in ours),
    }


def lifted_counts(workflows: tuple[Workflow, ...]) -> dict[str, int]:
    """The same of what was lifted; what two workflows share counts once."""
    graphs = {graph.source: graph for workflow in workflows for graph in workflow.graphs}
    operations = {item.source: item for workflow in workflows for item in workflow.operations}
    outer = [(workflow.native_extra, workflow.parameters, workflow.entry) for workflow in workflows]
    found = [item for item in references((*graphs.values(), *operations.values(), *outer)) if item.native]
    steps = [step for graph in graphs.values() for step in graph.steps]
    return {
        "graphs": len(graphs),
        "steps": len(steps),
        "finalizers": sum(len(graph.finalizers) for graph in graphs.values()),
        "operations": len(operations),
        "containers": sum(len(item.containers) for item in operations.values()),
        "conditions": sum(step.condition is not None for step in steps),
        "loops": sum(step.loop is not None for step in steps),
        "references": len(found),
    }


def graphs_of(workflows: tuple[Workflow, ...]) -> list[tuple[Workflow, Graph]]:
    return [(workflow, graph) for workflow in workflows for graph in workflow.graphs]
