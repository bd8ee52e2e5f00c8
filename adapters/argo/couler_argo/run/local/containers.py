"""What a container or script template runs in its image, on this machine.

Sources: `executeScript` and `executeContainer` in `workflow/controller/operator.go`, `createWorkflowPod` in
`workflow/controller/workflowpod.go`; `third_party/forked/golang/expansion/expand.go` of Kubernetes for `$(NAME)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_argo.run.local.facts import data_of
from couler_argo.run.local.programs import environment, files
from couler_argo.run.local.values import data, text
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.hookspecs.local import Contained, Folder, Look, NotThere, Program
from couler_plugins.ir import Native, Operation, Workflow
from couler_plugins.ir.quantities import parse_quantity

SCRIPT = "/argo/staging/script"
VARIABLE = re.compile(r"\$(?:\$|\(([^)]*)\))")
REMEDY = "to try it here, hand the content on as a parameter or a raw artifact"


def program(workflow: Workflow, operation: Operation, look: Look) -> Program:
    """The program of a container or script template, in its image.

    Raises:
        NotThere: something in it is not there, or this machine does not have it.
    """
    mains = [container for container in operation.containers if container.role == "main"]
    if len(mains) != 1:
        raise NotThere("it has several containers")
    (main,) = mains
    if main.image is None or not (image := text(main.image, look)):
        raise NotThere("it has no image")
    variables: dict[str, str] = {}
    for name, value in environment(main, look):
        variables[name] = _expanded(value, variables)
    spec = mapping_at(data_of(workflow.native_extra), "spec")
    own, template = _data(main.native_extra, look), _data(operation.native_extra, look)
    limits = {name: parse_quantity(text(value, look)) for name, value in main.limits}
    container = Contained(
        image=image,
        args=tuple(_expanded(text(part, look), variables) for part in main.args),
        script=SCRIPT if main.script is not None else "",
        workdir=str(own.get("workingDir") or ""),
        user=_user(spec, template, own),
        folders=tuple(_folders(own, {**_volumes(spec), **_volumes(template)})),
        cpus=limits.get("cpu"),
        memory=limits.get("memory"),
    )
    return Program(
        command=tuple(_expanded(text(part, look), variables) for part in main.command),
        source=text(main.script, look) if main.script is not None else "",
        container=container,
        env=tuple(variables.items()),
        **files(operation, look),
    )


def _data(structure: Native | None, look: Look) -> Mapping[str, Any]:
    content = None if structure is None else data(structure, look)
    return content if isinstance(content, dict) else {}


def _expanded(written: str, variables: Mapping[str, str]) -> str:
    """A text of a pod, with its variables: `$(NAME)`, and `$$` for a dollar."""
    return VARIABLE.sub(lambda found: "$" if found[1] is None else variables.get(found[1], found[0]), written)


def _user(*structures: Mapping[str, Any]) -> str:
    """Who a container runs as: what is said last counts."""
    merged: dict[str, Any] = {}
    for structure in structures:
        merged |= mapping_at(structure, "securityContext")
    if merged.get("privileged") or mapping_at(merged, "capabilities").get("add"):
        raise NotThere("it asks for more rights than a container has: only its cluster can give them")
    if merged.get("runAsUser") is None:
        return ""
    return ":".join(str(merged[key]) for key in ("runAsUser", "runAsGroup") if merged.get(key) is not None)


def _volumes(structure: Mapping[str, Any]) -> dict[str, str]:
    """What volumes are, by name: `emptyDir` and others, `volumeClaimTemplates` for claims that are made for the run."""
    volumes = {
        str(volume.get("name")): next((key for key in sorted(volume) if key != "name"), "emptyDir")
        for volume in structure.get("volumes") or ()
    }
    claims = (mapping_at(claim, "metadata").get("name") for claim in structure.get("volumeClaimTemplates") or ())
    return volumes | {str(name): "volumeClaimTemplates" for name in claims}


def _folders(own: Mapping[str, Any], volumes: Mapping[str, str]) -> Iterator[Folder]:
    for mount in own.get("volumeMounts") or ():
        name = str(mount.get("name"))
        kind = volumes.get(name, "volume of an unknown kind")
        if kind not in ("emptyDir", "volumeClaimTemplates"):
            raise NotThere(f"it mounts the volume {name!r}, a {kind} of its cluster; {REMEDY}")
        if unknown := sorted(mount.keys() - {"name", "mountPath", "readOnly"}):
            raise NotThere(f"its mount of {name!r} has {unknown[0]!r}, which --local does not support")
        path, read_only = str(mount.get("mountPath")), bool(mount.get("readOnly"))
        yield Folder(name, path, shared=kind == "volumeClaimTemplates", read_only=read_only)
