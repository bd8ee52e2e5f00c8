"""What only the whole workflow shows: volumes that are not there, steps that wait for each other, outputs of nobody."""

from __future__ import annotations

from collections.abc import Set

from couler_plugins.authoring.places import Place
from couler_plugins.authoring.quoting import shown
from couler_plugins.authoring.scopes import Call
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Workflow, verify

__all__ = ["check_mounts", "check_whole"]


def check_mounts(calls: list[Call], volumes: Set[str]) -> None:
    """Raises `InvalidInput` where a step mounts a volume that the workflow does not have."""
    for call in calls:
        for container in call.operation.containers if call.operation is not None else ():
            mounts = container.native_extra.data.get("volumeMounts", ()) if container.native_extra is not None else ()
            if missing := [mount["name"] for mount in mounts if mount["name"] not in volumes]:
                message = f"it mounts the volume {shown(missing[0])}, which this workflow does not have"
                hint = f"add it: add_volume(Volume({shown(missing[0])}, claim_name))"
                raise InvalidInput(message, file=call.place.file, line=call.place.line, step=call.name, hint=hint)


def check_whole(workflow: Workflow, places: dict[str, Place]) -> None:
    """Raises `InvalidInput` where the workflow cannot run as it was written, with the place of the step."""
    for problem in verify(workflow):
        step = problem.subject.rpartition("/")[2]
        where = places.get(step)
        raise InvalidInput(
            problem.message,
            file=where.file if where else None,
            line=where.line if where else None,
            step=step,
            hint=problem.hint,
        )
