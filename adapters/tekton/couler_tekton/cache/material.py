"""What a task is, as far as its result depends on it: everything but a named list, without what caching adds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from couler_plugins.caching.declarations import ALLOW, VERSION, declared_places
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.documents.mappings import Mapped, texts_in, without
from couler_plugins.engine_kit.volumes import read_only_volumes
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import Operation
from couler_tekton.bodies import STEP_ACTION, write_operation
from couler_tekton.cache.actions import ACTION, expanded
from couler_tekton.cache.declared import MAX_OUTPUT, STORE, annotations_of, entries, mapping_at
from couler_tekton.cache.files import files_of, without_files
from couler_tekton.cache.objections import How, reuse_objections, storage_objections
from couler_tekton.cache.propagated import without_results
from couler_tekton.cache.wrapping import kind_of, place_variables

NOT_IN_TASK = ("displayName", "description", "metadata")
NOT_IN_PORT = ("default", "description")
NOT_IN_CONTAINER = ("displayName", "computeResources", "resources", "timeout", "imagePullPolicy", "stdin", "tty")
PROGRAMS = ("image", "script", "command", "args", "env")
"""What of a container is or may be a program."""
VARIABLE = re.compile(r"\$\((?!(?:params|workspaces|context)\b)")
"""A reference to another variable of the same container."""
MOUNTED = ("/workspace", "/tekton")
"""Where Tekton mounts folders into every step, ours as well."""
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")


def material(operation: Operation, around: Mapped, bound: str | None, how: How) -> Material:
    """What a task is.

    Args:
        operation: the task, bare, with the annotations of the object that it is in.
        around: what its run says of its pods.
        bound: what is said of the bytes of its results around it.
        how: returns what its owner would write to say something of it.
    """
    written = without_results(without_files(operation))
    judged = write_operation(written, embedded=False, action=operation.kind == STEP_ACTION)
    task = expanded(judged)
    annotations = annotations_of(operation)
    said = {key: text for key, text in annotations.items() if key.startswith("couler.io/cache-") and key != ALLOW}
    bound, files = annotations.get(MAX_OUTPUT, bound), files_of(operation)
    containers = [
        {name: item.get(name) for name in PROGRAMS}
        for key in ("steps", "sidecars")
        for item in [*entries(task, key), mapping_at(task, "stepTemplate")]
    ]
    return Material(
        content={"task": _content(task), "run": dict(around), "annotations": said},
        programs=tuple(texts_in(containers, "name")),
        inputs=bool(operation.inputs or VERSION in annotations or files.read),
        warnings=tuple(_mutable_images(task)),
        objections=tuple(_objections(operation, judged, bound, how)),
        places=declared_places(annotations),
        workspaces={
            **read_only_volumes(entries(task, "volumes"), task),
            **{file.workspace: "in" for file in files.read},
            **{file.workspace: "in,out" for file in files.written},
        },
    )


def _objections(operation: Operation, judged: Mapped, bound: str | None, how: How) -> Iterator[Objection]:
    """The rules against reuse, and where its owner can take them all away, those against keeping."""
    objections = [*reuse_objections(operation, judged, how), *_place_objections(operation, expanded(judged))]
    yield from objections
    if all(item.remedy or waiver_of(item.rule) for item in objections):
        yield from storage_objections(operation, expanded(judged), bound, how)


def _place_objections(operation: Operation, task: Mapped) -> Iterator[Objection]:
    """Why steps of ours cannot look at the places of a task as its own steps do."""
    places = declared_places(annotations_of(operation))
    if not places:
        return
    variables, steps = place_variables(operation)["env"], entries(task, "steps")
    folders = [
        item.get("mountPath") for item in (*entries(task, "workspaces"), *_mounts(mapping_at(task, "stepTemplate")))
    ]
    shared = [PurePosixPath(str(folder)) for folder in (*MOUNTED, *filter(None, folders))]
    mounts = [str(mount.get("mountPath")) for step in steps for mount in _mounts(step)]
    rules = (
        (
            "its steps have one variable with several values",
            len({str(one["name"]) for one in variables}) < len(variables),
        ),
        ("its variables refer to others", VARIABLE.search(json.dumps([one.get("value") for one in variables]))),
        (
            "a StepAction has variables of its own",
            any("ref" in step and (ACTION not in step or step.get("env")) for step in steps),
        ),
        (
            "a step mounts something in a folder that our steps have without it: mount it in stepTemplate",
            any("$" in path or any(PurePosixPath(path).is_relative_to(one) for one in shared) for path in mounts),
        ),
    )
    yield from (Objection("place", f"nobody can look at its places: {reason}") for reason, holds in rules if holds)
    for port in operation.inputs:
        if port.name in places and kind_of(port) != "string":
            yield Objection("place", f"its parameter {port.name!r}, which names a place, is no string")


def _mounts(holder: Mapped) -> list[Mapped]:
    return entries(holder, "volumeMounts")


def _content(task: Mapped) -> Mapped:
    content = without(task, *NOT_IN_TASK)
    for key in ("params", "results"):
        if key in content:
            ports = [without(item, *NOT_IN_PORT) for item in entries(content, key)]
            content[key] = sorted(ports, key=lambda item: str(item.get("name")))
    for key in ("steps", "sidecars"):
        if key in content:
            kept = [without(item, *NOT_IN_CONTAINER) for item in entries(content, key)]
            content[key] = [item if item.get("name") else without(item, "name") for item in kept]
    if isinstance(content.get("stepTemplate"), dict):
        content["stepTemplate"] = without(content["stepTemplate"], *NOT_IN_CONTAINER)
    if "workspaces" in content:
        kept = [without(item, "description") for item in entries(content, "workspaces")]
        content["workspaces"] = [item for item in kept if item.get("name") != STORE]
    return content


def _mutable_images(task: Mapped) -> Iterator[str]:
    usual = mapping_at(task, "stepTemplate").get("image", "")
    images = [item.get("image", usual) for item in entries(task, "steps") if "image" in item or "ref" not in item]
    images += [item.get("image", "") for item in entries(task, "sidecars")]
    if not all(DIGEST.search(str(image)) for image in images):
        yield "one of its images has no digest, and may change"
