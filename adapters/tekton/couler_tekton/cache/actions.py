"""StepActions that steps of a task refer to: what keys cover of them, and copies that nobody changes.

A task that is cached refers to copies, each under a name with a hash of what it holds: so it runs what its key covers,
whoever edits the StepAction. Source: `resolveStepRef` in `pkg/reconciler/taskrun/resources/taskspec.go` for what such a
step becomes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from couler_plugins.caching.declarations import CACHE
from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.ir import Container, Operation, Workflow, replace
from couler_tekton.bodies import names_of, read_step_action, write_operation
from couler_tekton.cache.declared import CACHED_FROM, annotations_of, entries, mapping_at, rest_of, with_annotations
from couler_tekton.containers import STEP_FIELDS
from couler_tekton.extracted import holding, named
from couler_tekton.variables import Scope, scope_in

ACTION = "action"
"""What a step that is judged says of its StepAction, beside `ref`."""
KIND = "StepAction"
Find = Callable[[str], "Workflow | None"]


def with_actions(operation: Operation, find: Find) -> Operation:
    """Return a task as it is judged: each step says what the StepAction is that it refers to.

    Args:
        operation: the task.
        find: returns the StepAction of a name; None where that is not here, or not clear.
    """

    def explained(step: Container) -> Container:
        name = _name_in(step)
        if not name or (action := find(name)) is None:
            return step
        said = write_operation(action.operations[0], embedded=False, action=True)
        about = {
            key: text for key, text in annotations_of(action).items() if key == CACHE or key.startswith(f"{CACHE}-")
        }
        # As text without a `$`: what its variables mean there, they do not mean in the task.
        text = json.dumps({**said, "annotations": about}, sort_keys=True).replace("$", "\\u0024")
        return _with(step, operation, {"ref": {"name": _origin(action)}, ACTION: text})

    return replace(operation, containers=tuple(map(explained, operation.containers)))


def pointed(operation: Operation, rename: Callable[[str], str]) -> Operation:
    """Return a task whose steps refer to StepActions by other names."""

    def renamed(step: Container) -> Container:
        name = _name_in(step)
        new = rename(name) if name else name
        return step if new == name else _with(step, operation, {"ref": {"name": new}})

    return replace(operation, containers=tuple(map(renamed, operation.containers)))


def _name_in(step: Container) -> str:
    """The StepAction that a step refers to by its name; empty where there is none."""
    name = mapping_at(rest_of(step), "ref").get("name")
    return name if step.role == "main" and isinstance(name, str) else ""


def _with(step: Container, operation: Operation, more: Mapped) -> Container:
    return replace(step, native_extra=scope_in(operation).rest({**rest_of(step), **more}))


def _origin(action: Workflow) -> str:
    return annotations_of(action).get(CACHED_FROM) or action.name


def copy_of(action: Workflow) -> Workflow:
    """Return the copy of a StepAction that cached tasks refer to; itself where it is one."""
    if CACHED_FROM in annotations_of(action):
        return action
    data = rest_of(action)
    annotations = {**mapping_at(data, "metadata", "annotations"), CACHED_FROM: action.name}
    bare = holding(replace(action, native_extra=Scope().rest(with_annotations(data, annotations))))
    return replace(bare, name=named(action.name, bare))


def untouched(operation: Operation, find: Find) -> Iterator[str]:
    """Yield the StepActions of a task that are no copies of what its key covers: they may change."""
    for name in filter(None, map(_name_in, operation.containers)):
        action = find(name)
        if action is None or copy_of(action).name != name:
            yield name


def expanded(task: Mapped) -> Mapped:
    """Return a judged task as Tekton runs it: each step with what its StepAction says."""
    return {**task, "steps": [_merged(step) for step in entries(task, "steps")]} if "steps" in task else task


def _merged(step: Mapped) -> Mapped:
    if ACTION not in step:
        return step
    said = json.loads(step[ACTION])
    ports = sorted((without(item, "description") for item in entries(said, "params")), key=lambda item: item["name"])
    body = {key: said[key] for key in (*STEP_FIELDS, "results") if key in said}
    return {**step, **body, ACTION: {"params": ports, "annotations": said["annotations"]}}


def bare_steps(task: Mapped) -> Mapped:
    """Return a judged task as it is written."""
    return {**task, "steps": [without(step, ACTION) for step in entries(task, "steps")]} if "steps" in task else task


def actions_of(task: Mapped) -> Iterator[tuple[Mapped, Operation]]:
    """Yield the StepActions of a judged task: the spec of each, and what that is."""
    for step in entries(task, "steps"):
        if ACTION in step:
            spec = without(json.loads(step[ACTION]), "annotations")
            scope = Scope(alone=True).declaring(names_of(spec, ()))
            yield spec, read_step_action("step", spec, (), (), scope)
