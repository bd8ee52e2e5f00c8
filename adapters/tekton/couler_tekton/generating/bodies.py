"""What runs, as a task of Tekton: steps, sidecars, parameters, and results that are taken from files.

Sources: `docs/tasks.md`, `docs/pod-templates.md`; init containers become steps before the others, since steps of a task
run one after another.
"""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.legalize.shell import KEEP, PRINTED, SCRIPT, as_argument
from couler_plugins.ir import (
    Container,
    Expression,
    Literal,
    Native,
    Node,
    Operation,
    Output,
    Port,
    Reference,
    Template,
    Value,
    rebuild,
    references,
    replace,
)
from couler_tekton.generating.refusing import refuse
from couler_tekton.generating.values import text_of
from couler_tekton.structures import write_structure
from couler_tekton.variables import Scope as Variables

__all__ = ["printed_result", "task_of"]

KINDS = ("container", "script")
CONTAINER_FIELDS = frozenset(
    {"envFrom", "imagePullPolicy", "securityContext", "volumeDevices", "volumeMounts", "workingDir"}
)
SIDECAR_FIELDS = CONTAINER_FIELDS | {"lifecycle", "livenessProbe", "ports", "stdin", "tty"}


def printed_result(operation: Operation) -> str:
    """The name of the result that holds what the operation prints."""
    names = {output.name for output in operation.outputs}
    return "result" if "result" not in names else "printed"


def task_of(operation: Operation, name: str, *, is_printed: bool, volumes: list[Any]) -> Operation:
    """An operation as a task that is written at its call.

    Args:
        operation: what runs.
        name: what it is to be called.
        is_printed: whether somebody reads what it prints.
        volumes: those that the workflow gives all of its pods.

    Raises:
        Unsupported: it is no container, or more than a task of Tekton can be.
    """
    _check(operation)
    _check_texts(operation)
    steps = [_step(item) for item in operation.containers if item.role == "init"]
    mains = [item for item in operation.containers if item.role == "main"]
    if len(mains) != 1:
        raise refuse("Operation.containers", operation.name, f"has {len(mains)} main containers")
    main, outputs = _main(operation, mains[0], is_printed)
    sidecars = [_fields(item, SIDECAR_FIELDS) for item in operation.containers if item.role == "sidecar"]
    rest = _rest(operation, volumes)
    return Operation(
        name=name,
        kind="container",
        inputs=tuple(Port(name=port.name, optional=True) for port in operation.inputs),
        outputs=outputs,
        containers=(*steps, main, *sidecars),
        inline=True,
        native_extra=rest,
    )


def _check(operation: Operation) -> None:
    if operation.kind not in KINDS:
        raise refuse("Operation.kind", operation.name, f"is a {operation.kind}, which Tekton cannot run")
    for field, reason in {
        "memoized": "is memoized",
        "locks": "takes mutexes or semaphores",
        "metrics": "reports metrics",
        "daemon": "keeps running beside the steps after it",
        "directives": "is to be cached or tuned",
    }.items():
        if getattr(operation, field):
            raise refuse(f"Operation.{field}", operation.name, reason)
    for port in operation.inputs:
        if port.kind == "artifact":
            raise refuse("Port.kind", operation.name, f"takes the artifact {port.name!r}")
        for field, reason in {"origin": "from elsewhere", "path": "as a file", "optional": "where it is given"}.items():
            if getattr(port, field):
                raise refuse(f"Port.{field}", operation.name, f"takes {port.name!r} {reason}", "pass it as a text")
    for output in operation.outputs:
        if output.kind == "artifact":
            raise refuse("Output.kind", operation.name, f"gives the artifact {output.name!r}")
        if output.exported is not None:
            raise refuse("Output.exported", operation.name, f"shows {output.name!r} to the whole run")
        if output.native_extra is not None:
            raise refuse(
                "Output.native_extra", operation.name, f"has more to say of {output.name!r} than a name and a path"
            )


def _check_texts(operation: Operation) -> None:
    """Refuses what Tekton would replace, or cannot, in the texts of the containers."""

    def check(node: Node) -> Node:
        texts: list[Any] = []
        match node:
            case Literal(value=str(text)):
                texts = [text]
            case Template(parts=parts) | Native(parts=parts):
                texts = [part for part in parts if isinstance(part, str)]
            case Expression():
                raise refuse("Step.arguments", operation.name, "has an expression, which Tekton cannot evaluate")
            case Reference() if node.to != "input" or node.kind != "parameter" or node.path:
                what = node.native or ".".join(filter(None, (node.name, *node.path))) or node.to
                raise refuse("Step.arguments", operation.name, f"reads {what}, which Tekton does not have like this")
        for text in texts:
            if "$(" in text and any(isinstance(part, Reference) for part in Variables().parts(text)):
                raise refuse("Step.arguments", operation.name, "has a text that Tekton would take for a variable")
        return node

    rebuild(operation.containers, check)
    if operation.native_extra is not None and any(references(operation.native_extra)):
        raise refuse("Operation.native_extra", operation.name, "says of its pod what only the run knows")


def _main(operation: Operation, container: Container, is_printed: bool) -> tuple[Container, tuple[Output, ...]]:
    """The container that does the work, and the results of the task."""
    kept: list[Value] = []
    names: list[str] = []
    if is_printed:
        names.append(printed_result(operation))
        kept += _texts(PRINTED, f"$(results.{names[0]}.path)", "")
    for output in operation.outputs:
        if not isinstance(output.path, Literal):
            raise refuse("Output.value", operation.name, f"finds its output {output.name!r} otherwise than in a file")
        default = ""
        if output.default is not None:
            if not isinstance(output.default, Literal):
                raise refuse("Output.default", operation.name, f"has a default of {output.name!r} that is no constant")
            default = f"={text_of(output.default.value)}"
        names.append(output.name)
        kept += _texts(str(output.path.value), f"$(results.{output.name}.path)", default)
    container = _step(container, operation.name)
    if names:
        if not container.command:
            raise refuse("Container.command", operation.name, "has outputs, and no command")
        command = (*_texts("sh", "-c", KEEP, "sh"), *kept, *_texts("--"), *container.command)
        container = replace(container, command=command)
    return container, tuple(Output(name=name) for name in names)


def _step(container: Container, owner: str = "") -> Container:
    """A step, its script run by its command as other engines do."""
    container = replace(_fields(container, CONTAINER_FIELDS), role="main")
    if container.script is None:
        return container
    if not container.command:
        raise refuse("Container.command", owner or container.name, "is a script without a command to run it")
    words = (*container.command, *container.args)
    command = (*_texts("sh", "-c", SCRIPT, "sh"), as_argument(container.script), *words)
    return replace(container, command=command, args=(), script=None)


def _texts(*texts: str) -> tuple[Value, ...]:
    return tuple(Literal(value=text) for text in texts)


def _fields(container: Container, fields: frozenset[str]) -> Container:
    rest = {} if container.native_extra is None else write_structure(container.native_extra, str)
    if unknown := sorted(rest.keys() - fields):
        raise refuse("Container.native_extra", container.name or "a container", f"has {unknown[0]}")
    if container.image is None:
        hint = "name one for all of these: --to 'tekton{image=busybox}'"
        raise refuse("Container.image", container.name or "a command", "runs outside of a container", hint)
    return container


def _rest(operation: Operation, common: list[Any]) -> Native | None:
    """The volumes of the task: nothing else of a pod is said by a task."""
    rest = {} if operation.native_extra is None else write_structure(operation.native_extra, str)
    own = rest.pop("volumes", [])
    metadata = rest.pop("metadata", {})
    if rest or metadata.keys() - {"labels", "annotations"}:
        raise refuse("Operation.native_extra", operation.name, f"has {min(rest, default='metadata')}")
    mounts = [container.native_extra for container in operation.containers if container.native_extra is not None]
    mounted = {item["name"] for rest in mounts for item in write_structure(rest, str).get("volumeMounts", ())}
    volumes = [*own, *(volume for volume in common if volume.get("name") in mounted)]
    fields = {**({"volumes": volumes} if volumes else {}), **({"metadata": metadata} if metadata else {})}
    return Native.of(fields) if fields else None
