"""What runs, as a task of Tekton: steps, sidecars, parameters, and results that are taken from files.

Sources: `docs/tasks.md`, `docs/pod-templates.md`; init containers become steps before the others, since steps of a task
run one after another.
"""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.engine_kit.legalize.shell import keeping, scripted
from couler_plugins.ir import Literal, Native, Operation, Output, Port, replace
from couler_tekton.structures import write_structure


def task_of(operation: Operation, name: str, *, is_printed: bool, volumes: list[Any]) -> Operation:
    """Return an operation as a task that is written at its call.

    Args:
        operation: what runs.
        name: what it is to be called.
        is_printed: whether somebody reads what it prints.
        volumes: those that the workflow gives all of its pods.
    """
    ordered = sorted(operation.containers, key=lambda item: ("init", "main", "sidecar").index(item.role))
    containers = [item if item.role == "sidecar" else replace(scripted(item), role="main") for item in ordered]
    number = next(number for number, item in enumerate(ordered) if item.role == "main")
    containers[number], outputs = keeping(
        operation,
        containers[number],
        lambda output: Literal(value=f"$(results.{output}.path)"),
        is_printed=is_printed,
    )
    return Operation(
        name=name,
        kind="container",
        inputs=tuple(Port(name=port.name, optional=True) for port in operation.inputs),
        outputs=tuple(Output(name=output) for output in outputs),
        containers=tuple(containers),
        inline=True,
        native_extra=_rest(operation, volumes),
    )


def _rest(operation: Operation, common: list[Any]) -> Native | None:
    """Return the metadata and the volumes of a task: nothing else of a pod is said by a task."""
    rest = fields_of(operation.native_extra)
    mounts = [item.native_extra for item in operation.containers if item.native_extra is not None]
    mounted = {item.get("name") for mount in mounts for item in write_structure(mount, str).get("volumeMounts", ())}
    volumes = [*rest.get("volumes", []), *(volume for volume in common if volume.get("name") in mounted)]
    kept = {key: content for key, content in (("volumes", volumes), ("metadata", rest.get("metadata"))) if content}
    return Native.of(kept) if kept else None
