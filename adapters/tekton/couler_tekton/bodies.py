"""What pipelines, tasks and StepActions say of themselves, with their parameters and results.

Source: `pkg/apis/pipeline/v1` (PipelineSpec, TaskSpec, EmbeddedTask, ParamSpec, Param, TaskResult, PipelineResult),
`v1beta1/stepaction_types.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, by_key, joined, without, without_empty
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Argument, Graph, Operation, Output, Port, Source, Step, replace
from couler_tekton.containers import STEP_FIELDS, read_container, write_container
from couler_tekton.mappings import mappings, named, unless_empty
from couler_tekton.variables import Scope, Spell, refuse_unsupported, spell, spelled_in, unsupported, write_value


def names_of(holder: Mapped, path: Path, key: str = "params") -> frozenset[str]:
    """The names under a key of a mapping."""
    return frozenset(item["name"] for item in named(holder, key, path))


def read_inputs(spec: Mapped, path: Path, scope: Scope, embedded: bool) -> tuple[Port, ...]:
    """The parameters that a task or a pipeline declares; one that is written at its call site also finds them there."""
    return tuple(
        Port(
            name=item["name"],
            default=None if item.get("default") is None else scope.value(item["default"]),
            optional=embedded,
            native_extra=scope.rest(without(item, "name", *(() if item.get("default") is None else ("default",)))),
        )
        for item in named(spec, "params", path)
    )


def read_outputs(spec: Mapped, path: Path, scope: Scope) -> tuple[Output, ...]:
    """The results that a task or a pipeline declares."""
    return tuple(
        Output(
            name=item["name"],
            value=None if item.get("value") is None else scope.value(item["value"]),
            native_extra=scope.rest(without(item, "name", *(() if item.get("value") is None else ("value",)))),
        )
        for item in named(spec, "results", path)
    )


def read_run_parameters(spec: Mapped, path: Path, scope: Scope) -> tuple[Port, ...]:
    """What a run is given."""
    return tuple(
        Port(name=name, value=value, native_extra=scope.rest(extra))
        for name, value, extra in _passed(spec, path, scope)
    )


def read_arguments(holder: Mapped, path: Path, scope: Scope) -> tuple[tuple[Argument, ...], Mapped]:
    """What a task is given; and, by name, what else is said of each."""
    passed = _passed(holder, path, scope)
    extras = {name: extra for name, _, extra in passed if extra}
    return tuple(Argument(name=name, value=value) for name, value, _ in passed), extras


def _passed(holder: Mapped, path: Path, scope: Scope) -> list[tuple[str, Any, Mapped]]:
    params = []
    for number, item in enumerate(named(holder, "params", path)):
        if item.get("value") is None:
            message = f"the parameter {item['name']!r} has no value"
            place = (*path, "params", number)
            raise InvalidInput(message, engine="tekton", path=place, hint="give it one, or leave it out")
        params.append((item["name"], scope.value(item["value"]), without(item, "name", "value")))
    return params


def write_inputs(ports: tuple[Port, ...], embedded: bool) -> list[Mapped]:
    """The parameters that a task or a pipeline declares; `embedded` where it is written at its call site.

    Raises:
        Unsupported: Tekton cannot say what they are to be.
    """
    written = []
    for port in ports:
        refuse_unsupported(port)
        if port.value is not None:
            raise unsupported("Port.value", port.name, "is declared with a value", "give it a default")
        if port.optional and not embedded:
            raise unsupported("Port.optional", port.name, "may stay empty", "give it a default")
        default = {} if port.default is None else {"default": write_value(port.default)}
        written.append(_entry(port, default))
    return written


def write_run_parameters(ports: tuple[Port, ...]) -> list[Mapped]:
    """What a run is given.

    Raises:
        Unsupported: Tekton cannot say what it is to be.
    """
    written = []
    for port in ports:
        refuse_unsupported(port)
        if port.value is None or port.default is not None or port.optional:
            raise unsupported("Port.value", port.name, "is given to a run, and has no value", "give it one")
        written.append(_entry(port, {"value": write_value(port.value)}))
    return written


def write_outputs(outputs: tuple[Output, ...], spelled: Spell = spell) -> list[Mapped]:
    """The results that a task or a pipeline declares.

    Raises:
        Unsupported: Tekton cannot say what they are to be.
    """
    written = []
    for output in outputs:
        refuse_unsupported(output)
        value = {} if output.value is None else {"value": write_value(output.value, spelled)}
        written.append(_entry(output, value))
    return written


def _entry(port: Port | Output, content: Mapped) -> Mapped:
    return joined({"name": port.name, **content}, write_value(port.native_extra) if port.native_extra else {})


def write_arguments(arguments: Iterable[Argument], extras: Mapped) -> list[Mapped]:
    """What a task is given; `extras` is what else is said of each, by name."""
    written = []
    for argument in arguments:
        refuse_unsupported(argument)
        written.append({"name": argument.name, "value": write_value(argument.value), **extras.get(argument.name, {})})
    return written


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
    written = {
        "params": write_inputs(graph.inputs, embedded),
        "results": write_outputs(graph.outputs, spelled),
        "tasks": [task for name, task in tasks.items() if name not in last],
        "finally": [tasks[name] for name in graph.finalizers],
    }
    return joined(without_empty(written), write_value(graph.native_extra, spelled) if graph.native_extra else {})


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
    ports = {"params": write_inputs(operation.inputs, embedded), "results": write_outputs(operation.outputs)}
    written = without_empty(ports)
    rest = write_value(operation.native_extra) if operation.native_extra else {}
    if action:
        return joined({**written, **_write_body(operation, rest)}, rest)
    by_role = by_key((container.role, write_container(container)) for container in operation.containers)
    steps = {"steps": by_role.get("main"), "sidecars": by_role.get("sidecar")}
    return joined({**written, **without_empty(steps)}, rest)


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
