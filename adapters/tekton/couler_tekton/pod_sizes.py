"""The steps and sidecars of a Task in its pod: what they are called there, and their sizes."""

from __future__ import annotations

from couler_plugins.ir import Container, Operation, PodSizes, Workflow, replace
from couler_plugins.ir.settings import merged
from couler_tekton.attempts import pod_name_of
from couler_tekton.cache.declared import annotations_of, mapping_at, rest_of
from couler_tekton.cache.resolving import TASK
from couler_tekton.home_kinds import said_of_tasks
from couler_tekton.homes import step_template


def pod_containers(operation: Operation) -> tuple[str, ...]:
    """Return what the steps and sidecars of a task are called in its pod."""
    items = operation.containers
    before = [sum(item.role == "main" for item in items[:place]) for place in range(len(items))]  # steps, of each
    return tuple(
        pod_name_of("step", item.name or f"unnamed-{number}")
        if item.role == "main"
        else pod_name_of("sidecar", item.name or "")
        for number, item in zip(before, items, strict=True)
    )


def pod_sizes(workflow: Workflow, operation: Operation | None) -> PodSizes:
    """Return what an object says of the sizes of a Task's steps, stepTemplate included; runs go before both."""
    around = annotations_of(workflow)
    if operation is None:
        return PodSizes(annotations=around)
    usual, task = step_template(operation), operation.name.removeprefix(TASK.format("")).rpartition("/")[2]
    spec = mapping_at(rest_of(workflow), "spec")
    said = {"TaskRun": spec, "PipelineRun": said_of_tasks(workflow.native_extra).get(task, {})}.get(workflow.kind, {})
    by_run = next((f"its run says it ({key})" for key in ("computeResources", "stepSpecs") if said.get(key)), "")

    def in_force(item: Container) -> Container:
        if item.role != "main":
            return item
        return replace(item, requests=merged(usual.requests, item.requests), limits=merged(usual.limits, item.limits))

    def refusal(item: Container) -> str:
        return by_run if item.role == "main" else ""

    return PodSizes(
        task=workflow.name if workflow.kind == "Task" else task,
        containers=tuple(map(in_force, operation.containers)),
        refusals=tuple(map(refusal, operation.containers)),
        annotations={**around, **annotations_of(operation)},
    )
