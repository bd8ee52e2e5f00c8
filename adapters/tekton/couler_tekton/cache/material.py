"""What a task is, as far as its result depends on it: everything but a named list, without what caching adds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from couler_plugins.caching.declarations import ALLOW
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import Operation, Workflow
from couler_tekton.bodies import STEP_ACTION, write_operation
from couler_tekton.cache.declared import (
    INPUTS,
    MAX_OUTPUT,
    STORE,
    VERSION,
    annotations_of,
    entries,
    held,
    rest_of,
    without_files,
)
from couler_tekton.cache.objections import reuse_objections, storage_objections
from couler_tekton.mappings import Mapped, without

__all__ = ["material"]

NOT_IN_TASK = ("displayName", "description", "metadata")
NOT_IN_PORT = ("default", "description")
NOT_IN_CONTAINER = ("displayName", "computeResources", "resources", "timeout", "imagePullPolicy", "stdin", "tty")
OF_THE_RUN = ("taskRunTemplate", "podTemplate", "serviceAccountName", "taskRunSpecs", "sidecarSpecs")
"""What a run says of its pods that their results may depend on."""
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")


def material(operation: Operation, run: Workflow, bound: str | None) -> Material:
    """What a task is.

    Args:
        operation: the task, bare, with the annotations of the object that it is in.
        run: what it is run by, or is.
        bound: what is said of the bytes of its results around it.
    """
    task = write_operation(without_files(operation), embedded=False, action=operation.kind == STEP_ACTION)
    annotations = annotations_of(operation)
    spec = held(rest_of(run), "spec")
    around = {key: spec[key] for key in OF_THE_RUN if spec.get(key)}
    files = {key: text for key, text in annotations.items() if key.startswith("couler.io/cache-") and key != ALLOW}
    bound = annotations.get(MAX_OUTPUT, bound)
    programs = [
        text
        for key in ("steps", "sidecars")
        for item in [*entries(task, key), held(task, "stepTemplate")]
        for text in _texts(item)
    ]
    return Material(
        content={"task": _content(task), "run": around, "annotations": files},
        programs=tuple(programs),
        inputs=bool(operation.inputs or VERSION in annotations or annotations.get(INPUTS)),
        warnings=tuple(_mutable_images(task)),
        objections=tuple(_objections(operation, task, bound)),
    )


def _objections(operation: Operation, task: Mapped, bound: str | None) -> Iterator[Objection]:
    """The rules against reuse, and where its owner can waive them all, those against keeping."""
    objections = list(reuse_objections(operation, task))
    yield from objections
    if all(waiver_of(item.rule) for item in objections):
        yield from storage_objections(operation, task, bound)


def _content(task: Mapped) -> Mapped:
    content = without(task, *NOT_IN_TASK)
    for key in ("params", "results"):
        if key in content:
            ports = [without(item, *NOT_IN_PORT) for item in entries(content, key)]
            content[key] = sorted(ports, key=lambda item: str(item.get("name")))
    for key in ("steps", "sidecars"):
        if key in content:
            content[key] = [without(item, *NOT_IN_CONTAINER) for item in entries(content, key)]
    if isinstance(content.get("stepTemplate"), dict):
        content["stepTemplate"] = without(content["stepTemplate"], *NOT_IN_CONTAINER)
    if "workspaces" in content:
        kept = [without(item, "description") for item in entries(content, "workspaces")]
        content["workspaces"] = [item for item in kept if item.get("name") != STORE]
    return content


def _texts(container: Mapped) -> Iterator[str]:
    """What of a container is or may be a program; of an image its name."""
    image = container.get("image")
    if isinstance(image, str):
        yield re.sub(r"[:@].*", "", image.rsplit("/", 1)[-1])
    for key in ("script", "command", "args", "env"):
        yield from _all_texts(container.get(key))


def _all_texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for item in content:
            yield from _all_texts(item)
    elif isinstance(content, dict):
        for key, item in content.items():
            if key != "name":
                yield from _all_texts(item)


def _mutable_images(task: Mapped) -> Iterator[str]:
    images = [item.get("image", "") for key in ("steps", "sidecars") for item in entries(task, key)]
    if not all(DIGEST.search(str(image)) for image in images):
        yield "one of its images has no digest, and may change"
