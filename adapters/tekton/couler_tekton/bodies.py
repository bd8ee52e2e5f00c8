"""What pipelines, tasks and StepActions say of themselves, around the tasks of a pipeline.

Source: `pkg/apis/pipeline/v1` (PipelineSpec, TaskSpec, EmbeddedTask), `v1beta1/stepaction_types.go`.
"""

from __future__ import annotations

from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, joined, without
from couler_plugins.ir import Graph, Operation, Source, Step, replace
from couler_tekton.containers import STEP_FIELDS, read_container, write_container
from couler_tekton.mappings import mappings, unless_empty
from couler_tekton.ports import read_inputs, read_outputs, write_inputs, write_outputs
from couler_tekton.support import refuse_unsupported, unsupported
from couler_tekton.variables import Scope, spelled_in, write_value

CONTAINER, STEP_ACTION = "container", "step-action"
FINALLY = ("tasks", "finally")


def read_pipeline(
    name: str, spec: Mapped, path: Path, source: Source, scope: Scope, steps: tuple[Step, ...], embedded: bool
) -> Graph:
    """A pipeline; its tasks were read before."""
    remainder = unless_empty(spec, "params", "results", *FINALLY)
    return Graph(
        name=name,
        inputs=read_inputs(spec, path, scope, embedded),
        outputs=read_outputs(spec, path, scope),
        steps=steps,
        finalizers=tuple(task["name"] for task in mappings(spec, "finally", path)),
        inline=embedded,
        native_extra=scope.rest(remainder),
        source=source,
    )


def write_pipeline(graph: Graph, tasks: dict[str, Mapped], embedded: bool) -> Mapped:
    """A pipeline around its tasks, which are given by name.

    Raises:
        Unsupported: Tekton cannot say what it is to be.
    """
    refuse_unsupported(graph)
    if unknown := [name for name in graph.finalizers if name not in tasks]:
        raise unsupported("Graph.finalizers", unknown[0], "is to run at the end, and is no task")
    last = set(graph.finalizers)
    spelled = spelled_in(last)
    written: Mapped = {}
    for key, items in (
        ("params", write_inputs(graph.inputs, embedded)),
        ("results", write_outputs(graph.outputs, spelled)),
        ("tasks", [task for name, task in tasks.items() if name not in last]),
        ("finally", [tasks[name] for name in graph.finalizers]),
    ):
        if items:
            written[key] = items
    return joined(written, write_value(graph.native_extra, spelled) if graph.native_extra else {})


def read_operation(name: str, spec: Mapped, path: Path, source: Source, scope: Scope, embedded: bool) -> Operation:
    """A task."""
    steps = tuple(read_container(item, "main", scope) for item in mappings(spec, "steps", path))
    sidecars = tuple(read_container(item, "sidecar", scope) for item in mappings(spec, "sidecars", path))
    return Operation(
        name=name,
        kind=CONTAINER,
        inputs=read_inputs(spec, path, scope, embedded),
        outputs=read_outputs(spec, path, scope),
        containers=(*steps, *sidecars),
        inline=embedded,
        native_extra=scope.rest(unless_empty(spec, "params", "results", "steps", "sidecars")),
        source=source,
    )


def read_step_action(name: str, spec: Mapped, path: Path, source: Source, scope: Scope) -> Operation:
    """A StepAction: a step that tasks refer to."""
    body = {key: spec[key] for key in STEP_FIELDS if key in spec}
    return Operation(
        name=name,
        kind=STEP_ACTION,
        inputs=read_inputs(spec, path, scope, embedded=False),
        outputs=read_outputs(spec, path, scope),
        containers=(read_container(body, "main", scope),),
        native_extra=scope.rest(unless_empty(without(spec, *STEP_FIELDS), "params", "results")),
        source=source,
    )


def write_operation(operation: Operation, embedded: bool, action: bool) -> Mapped:
    """A task, or a StepAction.

    Raises:
        Unsupported: Tekton cannot say what it is to be.
    """
    refuse_unsupported(operation)
    if operation.kind not in (CONTAINER, STEP_ACTION) or (operation.kind == STEP_ACTION) is not action:
        reason = f"is of the kind {operation.kind}, which has no place here"
        raise unsupported("Operation.kind", operation.name, reason)
    written: Mapped = {}
    for key, items in (
        ("params", write_inputs(operation.inputs, embedded)),
        ("results", write_outputs(operation.outputs)),
    ):
        if items:
            written[key] = items
    rest = write_value(operation.native_extra) if operation.native_extra else {}
    if action:
        return joined({**written, **_write_body(operation, rest)}, rest)
    for key, role in (("steps", "main"), ("sidecars", "sidecar")):
        if matching := [container for container in operation.containers if container.role == role]:
            written[key] = [write_container(container) for container in matching]
    for container in operation.containers:
        if container.role == "init":
            write_container(container)  # refuses it
    return joined(written, rest)


def _write_body(operation: Operation, rest: Mapped) -> Mapped:
    """The container of a StepAction."""
    if len(operation.containers) != 1 or operation.containers[0].role != "main":
        raise unsupported("Operation.containers", operation.name, "is a StepAction, and that has one container")
    (container,) = operation.containers
    if container.name:
        raise unsupported("Container.name", container.name, "is the step of a StepAction, and has no name of its own")
    body = write_container(replace(container, name=""))
    if beyond := [key for key in body if key not in STEP_FIELDS]:
        raise unsupported("Container.native_extra", operation.name, f"is a StepAction, and cannot have {beyond[0]}")
    if clashes := [key for key in rest if key in STEP_FIELDS]:
        raise unsupported(
            "Operation.native_extra", operation.name, f"is a StepAction, and says of its container {clashes[0]}"
        )
    return body
