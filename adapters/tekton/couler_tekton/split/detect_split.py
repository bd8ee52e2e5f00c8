"""What stands for a part: a custom task of ours in the place of the tasks that the part has. Parts are found by it.

Tekton's webhook takes a task that refers to a kind of another API group (`docs/customruns.md`), so that what is left of
a pipeline stays one, and is checked by everything that checks pipelines. `couler run` runs each part in a PipelineRun.
"""

from __future__ import annotations

from collections.abc import Iterable

from couler_plugins.ir import Dynamic, Graph, Step, Workflow, callables
from couler_plugins.parallelism.cuts import links_between
from couler_plugins.plan import Link, Part
from couler_tekton.cache.declared import annotations_of
from couler_tekton.mappings import Mapped
from couler_tekton.split.resolved_pipeline import ROOT
from couler_tekton.variables import Scope, write_value

API, KIND = "couler.io/v1alpha1", "PipelinePart"
PART_OF = "couler.io/part-of"
"""The annotation of a part: what it is a part of."""


def calling(name: str) -> Dynamic:
    """A call of the part that is the Pipeline of this name."""
    return Dynamic(target=Scope().structure({"taskRef": {"apiVersion": API, "kind": KIND, "name": name}}))


def started(step: Step) -> str:
    """The name of the Pipeline that a step stands for; empty where it stands for none."""
    return started_by(write_value(step.call.target)) if isinstance(step.call, Dynamic) else ""


def started_by(task: Mapped) -> str:
    """The same of a task as it is written."""
    match task:
        case {"taskRef": {"apiVersion": str(version), "kind": str(kind), "name": str(name)}}:
            return name if (version, kind) == (API, KIND) else ""
    return ""


def whole_of(workflow: Workflow) -> str:
    """What was split, where a workflow is a part of it, or what is left of it; empty where nobody has split it."""
    return annotations_of(workflow).get(PART_OF, "") or (workflow.label if _callers(workflow) else "")


def joined(workflows: Iterable[Workflow]) -> tuple[tuple[Part, ...], tuple[Link, ...]]:
    """The parts and the links of these workflows; none for what nobody has split."""
    every = list(workflows)
    pipelines = {workflow.name: workflow for workflow in every if workflow.kind == "Pipeline"}
    roots = {name: callables(workflow).get(ROOT) for name, workflow in pipelines.items()}
    parts: list[Part] = []
    links: list[Link] = []
    for workflow in every:
        callers = _callers(workflow)
        root = callables(workflow).get(ROOT)
        if not isinstance(root, Graph):
            continue
        for step, name in callers.items():
            graph = roots.get(name)
            if isinstance(graph, Graph) and step not in root.finalizers:
                own = tuple(inner.name for inner in graph.steps)
                parts.append(Part(workflow=workflow.label, name=step, steps=own))
        links += links_between(root.steps, callers)
    return tuple(parts), tuple(links)


def _callers(workflow: Workflow) -> dict[str, str]:
    """The names of the Pipelines of parts, by those of the steps that stand for them."""
    root = callables(workflow).get(ROOT)
    steps = root.steps if isinstance(root, Graph) else ()
    return {step.name: name for step in steps if (name := started(step))}
