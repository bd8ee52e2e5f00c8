"""Parts as pipelines in a pipeline, which Tekton starts by itself: for clusters whose `enable-api-fields` is alpha.

A task with a `pipelineRef` (Tekton 1.14) becomes a PipelineRun that the whole's owns. It is passed parameters and
workspaces, and the `taskRunTemplate` of the whole; nothing else of the run gets there, and no result comes back.
Sources: `docs/pipelines-in-pipelines.md` ("Known Limitations"), and in `pkg/reconciler/pipelinerun`,
`createChildPipelineRun` and `GetPipelineTaskStatus`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    External,
    Graph,
    Reference,
    Step,
    Workflow,
    callables,
    references,
    replace,
    replace_callables,
)
from couler_plugins.plan import Decision, Plan
from couler_tekton.split.resolved_pipeline import ROOT, started
from couler_tekton.variables import unsupported, write_value

DRIVEN = "leave parts=nested out, and have couler run start the parts"
KEPT = {
    "timeouts": "a part has the cluster's default timeout",
    "taskRunSpecs": "its tasks run as any others",
    "managedBy": "Tekton itself would run the parts",
}
"""What a run says that does not reach its parts, and what that means."""
STATUS = "tasks.status"


def nested(workflow: Workflow, plan: Plan) -> tuple[Workflow, tuple[Decision, ...]]:
    """What is left of a split pipeline, with its parts as pipelines in it; any other workflow as it is.

    Args:
        workflow: of the plan.
        plan: has the parts.

    Returns:
        The workflow, and what was decided about it.

    Raises:
        Unsupported: the parts would not do together what the pipeline did; the message says which step, and why.
    """
    root = callables(workflow).get(ROOT)
    parts = {step.name: name for step in root.steps if (name := started(step))} if isinstance(root, Graph) else {}
    if not isinstance(root, Graph) or not parts:
        return workflow, ()
    for run in _runs(workflow, plan):
        _refuse_run(run)
    _refuse_results(root, parts)
    _refuse_status(root, [_graph(name, plan) for step, name in parts.items() if step not in root.finalizers])
    steps = tuple(_calling(step, parts[step.name]) if step.name in parts else step for step in root.steps)
    decision = Decision(
        optimizer="tekton",
        workflow=workflow.label,
        action="nest the parts",
        reason="each is a pipeline in a pipeline, which Tekton starts by itself",
        figures=(("parts", len(parts)),),
    )
    return replace_callables(workflow, {ROOT: replace(root, steps=steps)}), (decision,)


def _calling(step: Step, part: str) -> Step:
    return replace(step, call=External(workflow=part, name="pipeline", kind="Pipeline"))


def _graph(part: str, plan: Plan) -> Graph:
    """The pipeline of a part."""
    for workflow in plan.workflows:
        graph = callables(workflow).get(ROOT)
        if workflow.kind == "Pipeline" and workflow.name == part and isinstance(graph, Graph):
            return graph
    hint = "give all that split has written: it is among the documents that it has added"
    raise _refused(part, "is a part that is not here", hint)


def _runs(workflow: Workflow, plan: Plan) -> Iterator[Workflow]:
    """The runs of a pipeline, as far as they are here: itself, or those that refer to it."""
    if workflow.kind == "PipelineRun":
        yield workflow
    for run in plan.workflows:
        call = run.entry.call if run.entry is not None else None
        if workflow.kind == "Pipeline" and isinstance(call, External) and call.workflow == workflow.name:
            yield run


def _refuse_run(run: Workflow) -> None:
    spec = (write_value(run.native_extra) if run.native_extra else {}).get("spec") or {}
    for key, meaning in KEPT.items():
        if spec.get(key):
            raise _refused(key, f"of the run does not reach a pipeline in it: {meaning}", f"take it away, or {DRIVEN}")


def _refuse_results(root: Graph, parts: Mapping[str, str]) -> None:
    for step in root.steps:
        for reference in _read(step, parts):
            reason = (
                f"reads {reference.name!r} of {reference.step!r}, and a pipeline in a pipeline hands out no results"
            )
            hint = "cut elsewhere so that both are in one part, hand it over in a workspace, or "
            raise _refused(step.name, reason, hint + DRIVEN)
    for output in root.outputs:
        for reference in _read(output, parts):
            reason = f"is a result that {reference.step!r} makes, and a pipeline in a pipeline hands out no results"
            raise _refused(output.name, reason, f"hand it over in a workspace, or {DRIVEN}")


def _read(node: object, parts: Mapping[str, str]) -> Iterator[Reference]:
    return (item for item in references(node) if item.to == "output" and item.step in parts)


def _refuse_status(root: Graph, graphs: Iterable[Graph]) -> None:
    """Refuses who reads how the tasks ended where a part ends otherwise than its tasks: `Completed` and ignored
    failures are seen of tasks, and not of what is inside of a pipeline in a pipeline.
    """
    asking = [step for step in root.steps if any(item.to == "run" and item.name == STATUS for item in references(step))]
    for step in asking:
        for graph in graphs:
            for inner in graph.steps:
                if what := _hidden(inner):
                    reason = f"reads $({STATUS}), which does not tell of {inner.name!r} inside of a part that it {what}"
                    raise _refused(step.name, reason, f"read it of no task that may, or {DRIVEN}")


def _hidden(step: Step) -> str:
    if step.condition is not None or step.loop is not None:
        return "was skipped"
    return "failed and was tolerated" if step.tolerates else ""


def _refused(name: str, reason: str, hint: str) -> Unsupported:
    return unsupported("a pipeline in a pipeline", name, reason, hint)
