"""What runs, as a task of Tekton: steps, sidecars, parameters, and results that are taken from files.

Sources: `docs/tasks.md`, `docs/pod-templates.md`; init containers become steps before the others, since steps of a task
run one after another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.engine_kit.legalize.shell import keeping, scripted
from couler_plugins.ir import (
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Value,
    replace,
)
from couler_tekton.generating.store import STORE, File, claimed, with_claims, with_files
from couler_tekton.variables import write_structure


def task_of(
    operation: Operation,
    name: str,
    *,
    is_printed: bool,
    volumes: list[Any],
    files: Sequence[File],
    claims: Collection[str],
) -> tuple[Operation, Mapping[str, Value]]:
    """Return an operation as a task that is written at its call.

    Args:
        operation: what runs.
        name: what it is to be called.
        is_printed: whether somebody reads what it prints.
        volumes: those that the workflow gives all of its pods.
        files: what it takes from the store, and gives to it.
        claims: the names of the claims that are made for each run.

    Returns: the task, and what it is given for its files.
    """
    ordered = sorted(operation.containers, key=lambda item: ("init", "main", "sidecar").index(item.role))
    containers = [item if item.role == "sidecar" else replace(scripted(item), role="main") for item in ordered]
    number = next(number for number, item in enumerate(ordered) if item.role == "main")
    containers[number], outputs = keeping(
        replace(operation, outputs=tuple(item for item in operation.outputs if item.kind == "parameter")),
        containers[number],
        lambda output: Literal(value=f"$(results.{output}.path)"),
        is_printed=is_printed,
    )
    containers[number], places = with_files(containers[number], list(files))
    names = [*(port.name for port in operation.inputs if port.kind == "parameter"), *places]
    task = Operation(
        name=name,
        kind="container",
        inputs=tuple(Port(name=one, optional=True) for one in names),
        outputs=tuple(Output(name=output) for output in outputs),
        containers=tuple(with_claims(item, claims) for item in containers),
        inline=True,
        native_extra=_rest(operation, volumes, has_store=bool(files), claims=claims),
    )
    return task, places


def _rest(operation: Operation, common: list[Any], *, has_store: bool, claims: Collection[str]) -> Native | None:
    """Return the metadata and the volumes of a task: nothing else of a pod is said by a task."""
    rest = fields_of(operation.native_extra)
    mounts = [item.native_extra for item in operation.containers if item.native_extra is not None]
    mounted = {item.get("name") for mount in mounts for item in write_structure(mount, str).get("volumeMounts", ())}
    volumes = [*rest.get("volumes", []), *(volume for volume in common if volume.get("name") in mounted)]
    workspaces = [{"name": name} for name in (*([STORE] if has_store else []), *sorted(claimed(operation, claims)))]
    said = {"volumes": volumes, "metadata": rest.get("metadata"), "workspaces": workspaces}
    kept = {key: content for key, content in said.items() if content}
    return Native.of(kept) if kept else None
