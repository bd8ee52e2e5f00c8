"""Containers of templates: images, mounts and container sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from couler_argo.lint.ancestry import cycle_of, order_of
from couler_argo.lint.calls import Callee
from couler_argo.lint.names import check_fields
from couler_argo.lint.report import Report
from couler_plugins.documents import Path

__all__ = ["check_containers"]

Mapping = dict[str, Any]

RESERVED, RESERVED_PREFIX = ("wait", "supervisor"), "artifact-plugin-"
"""Source: `workflow/common` of Argo 4.1."""


def check_containers(caller: Callee) -> None:
    """The container, script or container set of a template."""
    template, path = caller.template, caller.path
    for kind in ("container", "script"):
        if kind in template and not template[kind].get("image") and not _default_image(caller, kind):
            message = f"{caller.where} has no image"
            caller.report.error("image", (*path, kind), message, "give it one, here or in templateDefaults")
    if "container" in template:
        mounts = _check_mounts(template["container"], (*path, "container"), caller.where, caller.report)
        for number, item in enumerate(template.get("inputs", {}).get("artifacts", ())):
            place = (*path, "inputs", "artifacts", number)
            subject = f"input artifact {item.get('name', '')!r}"
            _check_mount(item.get("path", ""), subject, mounts, place, caller.where, caller.report)
    _check_reserved(template.get("sidecars", ()), (*path, "sidecars"), caller)
    if "containerSet" in template:
        _check_set(template["containerSet"], (*path, "containerSet"), caller)


def _check_reserved(containers: Iterable[Mapping], path: Path, caller: Callee) -> None:
    """Names of containers that Argo adds to the pod itself: of these, only `wait` is there before Argo 4."""
    for number, container in enumerate(containers):
        name = container.get("name", "")
        if name in RESERVED or name.startswith(RESERVED_PREFIX):
            message = f"{caller.where}: a container is called {name!r}, as one of Argo's own"
            place, hint = (*path, number, "name"), "give it another name"
            before: Literal["", "warning"] = "warning" if name == "wait" else ""
            caller.report.since((4, 1), "reserved-name", place, message, hint, before=before)


def _default_image(caller: Callee, kind: str) -> bool:
    """Whether the workflow gives all its templates an image; of a cluster's templates Argo does not ask that."""
    if caller.holder.manifest.library == "cluster" and caller.borrowed:
        return False
    return bool(caller.holder.spec.get("templateDefaults", {}).get(kind, {}).get("image"))


def _check_mounts(holder: Mapping, path: Path, where: str, report: Report) -> dict[str, str]:
    mounts: dict[str, str] = {}
    for number, mount in enumerate(holder.get("volumeMounts", ())):
        subject = f"volume {mount.get('name', '')!r}"
        _check_mount(mount.get("mountPath", ""), subject, mounts, (*path, "volumeMounts", number), where, report)
    return mounts


def _check_mount(mount: str, subject: str, mounts: dict[str, str], path: Path, where: str, report: Report) -> None:
    if mount in mounts:
        message = f"{where}: {mounts[mount]} and {subject} are both at {mount!r}"
        report.error("mount-path", path, message, "move one of them")
    mounts[mount] = subject


def _check_set(content: Mapping, path: Path, caller: Callee) -> None:
    containers, report = content.get("containers", []), caller.report
    if not containers:
        report.error("container-set", path, f"{caller.where} has no containers", "add one")
        return
    path = (*path, "containers")
    check_fields(containers, "container", path, f"{caller.where}: ", report, literal=False)
    _check_mounts(content, path[:-1], caller.where, report)
    _check_reserved(containers, path, caller)
    numbers = {container.get("name", ""): number for number, container in enumerate(containers)}
    for number, container in enumerate(containers):
        for index, name in enumerate(container.get("dependencies", ())):
            if name not in numbers:
                message = (
                    f"{caller.where}: container {container.get('name', '')!r} waits for {name!r}, which does not exist"
                )
                hint = report.meant(name, numbers, "correct the name")
                report.error("container-set", (*path, number, "dependencies", index), message, hint)
    waits = [[numbers[name] for name in item.get("dependencies", ()) if name in numbers] for item in containers]
    if ring := cycle_of(waits, order_of(waits)):
        message = f"{caller.where}: the container {containers[ring[0]].get('name', '')!r} waits for itself"
        report.error("container-set", (*path, ring[0], "dependencies"), message, "remove one of the dependencies")
    ports = caller.template.get("inputs", {}).get("artifacts"), *caller.template.get("outputs", {}).values()
    if any(ports) and "main" not in numbers:
        message = f"{caller.where} has inputs or outputs, and no container 'main'"
        report.error("container-set", path, message, "name the container main that has them")
