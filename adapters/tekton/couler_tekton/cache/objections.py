"""Why a task must not be cached, whatever its owner says, as far as only Tekton knows.

Sources: `pkg/apis/pipeline/v1` (TaskSpec, Step, Sidecar, WorkspaceDeclaration); `pkg/entrypoint/entrypointer.go` for
the order in which a step's variables are filled in; `docs/git-resolver.md`, `docs/bundle-resolver.md`,
`docs/http-resolver.md` for what pins a reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from couler_plugins.caching.declarations import CACHE
from couler_plugins.caching.rules import reference_objection
from couler_plugins.caching.waivers import source_rule
from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.engine_kit.reporting import Report
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Dynamic, Operation, Step, references
from couler_tekton.bodies import STEP_ACTION
from couler_tekton.cache.actions import ACTION, actions_of, bare_steps, expanded
from couler_tekton.cache.declared import MAX_OUTPUT, STORE, entries, mapping_at, rest_of
from couler_tekton.cache.files import WORKSPACE, clashes, files_of
from couler_tekton.cache.propagated import is_result
from couler_tekton.cache.wrapping import RESTORE, SAVE, kind_of
from couler_tekton.lint.shapes import check_shape
from couler_tekton.variables import write_value

How = Callable[[str, str], str]
"""Returns what an owner would write where: an annotation with its value, or a key of a row of the settings."""
STEP_RESULT = re.compile(r"\$\(steps\.[^)]*\.results\b")
ARTIFACT = re.compile(r"\$\((?:(?:step|steps|tasks)\.[^)]*)?\b(?:artifacts|outputs)\.[^)]*\)")
OF_CONTENT = (("path",), ("bound",))
"""What a task may read of a workspace: where it is, in each run the same, and that it is there."""
INITS = 3
"""Containers that Tekton has run before the steps: for its entrypoint, for scripts, for working directories."""
POD_MESSAGE, CONTAINER_MESSAGE = 12 * 1024, 4 * 1024
"""Bytes that all messages of a pod may have, shared out evenly among its containers, and the message of each
(kubelet: `normalizeStatus` in `pkg/kubelet/status/status_manager.go`)."""
OVERHEAD, ENTRY, LOOKUP = 256, 48, 256
"""Bytes of a message: of Tekton's own, around each result, and of what our first step says."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
OURS = re.compile(r"(COULER_|PYTHON|LD_).*|PATH")
"""Variables that would reach our steps."""


def reuse_objections(operation: Operation, task: Mapped, how: How) -> Iterator[Objection]:
    """Why Tekton's own facts forbid reusing what a task makes.

    Args:
        operation: the task, with the annotations of the object that it is in.
        task: the same as it is written, with what its StepActions are.
        how: returns what its owner would write to say something of it.
    """
    if operation.kind == STEP_ACTION:
        yield Objection("kind", "it is a StepAction: the Task that uses it is cached, not the StepAction")
        return
    actions = list(actions_of(task))
    specs = [("Task", bare_steps(task)), *(("StepAction", spec) for spec, _ in actions)]
    if problem := next(filter(None, (_malformed(kind, spec) for kind, spec in specs)), None):
        yield Objection("malformed", f"Tekton would refuse it: {problem}")
        return
    task = expanded(task)
    yield from _step_objections(task)
    yield from _reference_objections(operation, operation)
    for _, action in actions:
        yield from _reference_objections(action, operation)
    yield from _content_objections(task)
    yield from _workspace_objections(operation, task, how)


def storage_objections(operation: Operation, task: Mapped, bound: str | None, how: How) -> Iterator[Objection]:
    """Why a step of ours cannot keep it, although it may be reused."""
    results = entries(task, "results")
    if any(item.get("value") is not None for item in results):
        yield Objection("step-result", "a result of it is that of a step, which a hit would skip", "storage")
    reason = "a step reads a result of another in env or when: where that was skipped, it would run all the same"
    yield from (
        Objection("step-result", reason, "storage")
        for item in entries(task, "steps")
        if STEP_RESULT.search(json.dumps([item.get("env"), item.get("when"), *_handed_to_env(item)]))
    )
    template = rest_of(operation).get("stepTemplate")
    names = [item.get("name") for item in entries(template, "env")]
    if isinstance(template, dict) and template.get("envFrom"):
        reason = "its stepTemplate has an envFrom, whose variables the steps of the cache would get as well"
        yield Objection("step-template", reason, "storage")
    if clashes := [name for name in names if OURS.fullmatch(str(name))]:
        yield Objection(
            "step-template", f"its stepTemplate sets {clashes[0]}, also for the steps of the cache", "storage"
        )
    if _reported(task):
        yield from _bound_objections(task, bound, how)


def _handed_to_env(step: Mapped) -> list[Mapped]:
    """What is passed to a StepAction that it may put into its environment."""
    passed = entries(step, "params") if "ref" in step else []
    if ACTION not in step:
        return passed
    read = json.dumps([step.get("env"), mapping_at(step, ACTION).get("params")])
    return [item for item in passed if re.search(rf"""params[.\['"\\]+{re.escape(str(item.get("name")))}\b""", read)]


def room(task: Mapped) -> int:
    """How many bytes the results of a task may have once our steps are in it, where its pod has no other sidecars."""
    containers = INITS + len(entries(task, "steps")) + 2 + len(entries(task, "sidecars"))
    names = sum(ENTRY + len(str(item.get("name"))) for item in _reported(task))
    return min(CONTAINER_MESSAGE, POD_MESSAGE // containers) - OVERHEAD - LOOKUP - names


def _reported(task: Mapped) -> list[Mapped]:
    """The results of a task, and those of its steps: both are in messages."""
    return [*entries(task, "results"), *(item for step in entries(task, "steps") for item in entries(step, "results"))]


def _malformed(kind: str, task: Mapped) -> str | None:
    """What is no task, or no StepAction: nothing that is made of it would be one."""
    report = Report(0)
    if not check_shape(kind, {"kind": kind, "spec": without(task, "metadata")}, report):
        return report.remarks[0].message
    named = [item for key in ("params", "results", "workspaces") for item in entries(task, key)]
    names = [item.get("name") for item in (*named, *entries(task, "steps")) if item.get("name")]
    names += [key for item in named for key in item.get("properties") or ()]
    wrong = [name for name in names if not isinstance(name, str) or not NAME.fullmatch(name)]
    return f"{wrong[0]!r} is no name" if wrong else None


def _bound_objections(task: Mapped, bound: str | None, how: How) -> Iterator[Objection]:
    most = max(room(task), 0)
    remedy = how(MAX_OUTPUT, str(most)) if most else ""
    if bound is None:
        reason = f"its results have no size limit; the two steps that the cache adds leave {most} bytes for them"
        yield Objection("unbounded-output", reason, "storage", remedy)
    elif not re.fullmatch(r"[1-9]\d{0,8}", bound):
        yield Objection("unbounded-output", f"{MAX_OUTPUT} says {bound!r}, which is no number of bytes", "storage")
    elif int(bound) > most:
        reason = f"its results may have {bound} bytes, and the two steps that the cache adds leave {most} for them"
        yield Objection("unbounded-output", reason, "storage", remedy)


def _step_objections(task: Mapped) -> Iterator[Objection]:
    for item in entries(task, "steps"):
        name, script = item.get("name"), str(item.get("script", "")).strip()
        if item.get("ref") is not None:
            yield from _action_objections(item, task)
        rules = (
            ("taken", f"a step of it is called {name}, a name that couler reserves", name in (RESTORE, SAVE)),
            ("isolated-workspace", "a workspace is for some of its steps only", item.get("workspaces")),
            ("windows", "it is for Windows", script.startswith("#!win")),
        )
        yield from (Objection(rule, reason, "storage") for rule, reason, holds in rules if holds)


def _action_objections(step: Mapped, task: Mapped) -> Iterator[Objection]:
    """Why no key covers what a step refers to."""
    reference = mapping_at(step, "ref")
    if resolver := str(reference.get("resolver") or ""):
        which = f"the StepAction of its step {step.get('name')!r} comes through the resolver {resolver!r}"
        if not _is_pinned(reference, resolver):
            pin = f"pin it (its {PINS[resolver][0]} by {PINS[resolver][2]}), or " if resolver in PINS else ""
            remedy = f"{pin}put it into these files, and refer to it by its name"
            yield Objection("step-action", f"{which}, and may be another one tomorrow: {remedy}")
            return
        rules = (*UNSEEN, "volume") if entries(task, "volumes") else UNSEEN
        yield from (Objection(rule, f"{which}: what it reads is not seen here", seen="resolver") for rule in rules)
    elif ACTION not in step:
        reason = f"its StepAction {reference.get('name')!r} is not in these files, or there are several of that name"
        yield Objection("step-action", f"{reason}: give its file to the call as well")
    elif mapping_at(step, ACTION, "annotations").get(CACHE) in ("never", "always"):
        yield Objection("never", f"the annotation of the StepAction {reference.get('name')!r} forbids it")


def _reference_objections(operation: Operation, task: Operation) -> Iterator[Objection]:
    """Why what a task reads, or a StepAction in it, forbids it."""
    yield from (
        Objection("argument", f"its parameter {port.name!r} is an object of keys that it does not declare")
        for port in operation.inputs
        if kind_of(port) == "object" and not rest_of(port).get("properties")
    )
    declared = {port.name for port in operation.inputs}
    results = {port.value for port in operation.inputs if is_result(port)}
    workspaces = {str(item.get("name")) for item in entries(rest_of(task), "workspaces")} - {STORE}
    for reference in references(operation):
        if reference in results:
            continue
        if reference.step or (reference.to in ("input", "parameter", "item") and reference.name not in declared):
            what = reference.step or reference.name
            yield Objection("propagated", f"it reads {what!r} around it: declare it as a parameter, and pass it")
        elif reference.to == "unknown" and reference.name.startswith(("params", "inputs.params")):
            yield Objection("propagated", f"it reads $({reference.name}), which it does not declare")
        elif reference.to == "workspace" and reference.name not in workspaces:
            yield Objection("workspace", f"it uses the workspace {reference.name!r}, which it does not declare")
        elif reference.to == "workspace" and reference.path not in OF_CONTENT:
            yield Objection("run-context", f"it reads {reference.native}, the name of a volume", seen=reference.native)
        elif reference.to == "run" and (objection := reference_objection(reference, "it")) is not None:
            yield objection


def _content_objections(task: Mapped) -> Iterator[Objection]:
    text = json.dumps({key: task.get(key) for key in ("steps", "sidecars", "stepTemplate", "volumes")})
    if ARTIFACT.search(text):
        yield Objection("artifacts", "it tells Tekton of artifacts, which a hit would not")
    empty = {str(item.get("name")): "emptyDir" in item for item in entries(task, "volumes")}
    holders = [*entries(task, "steps"), *entries(task, "sidecars"), task.get("stepTemplate") or {}]
    for holder in holders:
        yield from (
            Objection(
                _source_rule(variable["valueFrom"]),
                f"its variable {variable.get('name')!r} has a valueFrom, whose value is unknown",
                seen=f"{variable.get('name')}",
            )
            for variable in entries(holder, "env")
            if variable.get("valueFrom") is not None
        )
        yield from (
            Objection(rule, "its envFrom has unknown values", seen="envFrom")
            for rule in dict.fromkeys(map(_source_rule, entries(holder, "envFrom")))
        )
        mounts = (*entries(holder, "volumeMounts"), *entries(holder, "volumeDevices"))
        yield from (
            Objection("volume", f"it mounts the volume {name!r}, whose content is unknown", seen=f"{name}")
            for name in (mount.get("name") for mount in mounts)
            if not empty.get(str(name))
        )


def _source_rule(source: object) -> str:
    """The rule about where a variable comes from."""
    keys = source if isinstance(source, dict) else {}
    return next((source_rule(key) for key in keys if key.endswith("Ref")), "configured")


def _workspace_objections(operation: Operation, task: Mapped, how: How) -> Iterator[Objection]:
    files = files_of(operation)
    if files.malformed:
        allowed = (
            "in, out, in=PATH, out=PATH and without=NAME" if files.malformed.startswith(WORKSPACE) else "WORKSPACE/path"
        )
        yield Objection("file-lists", f"{files.malformed} is no list of {allowed}")
        return
    declared = {str(item.get("name")): item for item in entries(task, "workspaces")}
    named = {file.workspace for file in (*files.read, *files.written, *files.without)}
    for name, item in declared.items():
        if name == STORE:
            continue
        if name not in named:
            remedy = f"{how(WORKSPACE + name, 'in')} (or out, or in,out)"
            yield Objection("workspace", f"its workspace {name!r} has unknown content", remedy=remedy, seen=name)
        elif item.get("optional"):
            yield Objection("workspace", f"its workspace {name!r} may be missing")
    if lost := sorted((named - declared.keys()) | (named & {STORE})):
        yield Objection("file-lists", f"there is no workspace {lost[0]!r} for files of it")
    yield from (Objection("file-lists", reason) for reason in clashes(files))


UNSEEN = ("clock", "configured", "network", "randomness", "run-context", "secret")
"""What a StepAction may read that is not in these files: its owner has to know."""
HOLDERS = {"taskRef": "Task", "pipelineRef": "Pipeline"}
PINS = {
    "git": ("revision", re.compile(r"[0-9a-f]{40}"), "a commit in full"),
    "bundles": ("bundle", re.compile(r".*@sha256:[0-9a-f]{64}"), "a digest (@sha256:…)"),
    "http": ("digest", re.compile(r"sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})"), "a sha256 or sha512"),
}
"""By resolver, the parameter that fixes what a reference means, what it has to be like, and what it is called."""


def resolver_objection(step: Step) -> Objection | None:
    """Return why a call through a resolver is not cached; None where it is none."""
    if not isinstance(step.call, Dynamic):  # what a resolver finds is elsewhere, and no step of ours can be put into it
        return None
    target: Any = write_value(step.call.target)
    for key, kind in HOLDERS.items():
        reference = target.get(key) if isinstance(target, dict) else None
        if isinstance(reference, dict) and (resolver := reference.get("resolver")):
            reason = (
                f"its {kind} comes through the resolver {str(resolver)!r}, so no step can be added to it: "
                f"put the {kind} into these files, and refer to it by its name"
            )
            return Objection("resolver", reason + _unpinned(reference, str(resolver))).at(step.source)
    return None


def _is_pinned(reference: Mapped, resolver: str) -> bool:
    """Whether a reference through a resolver means the same for ever."""
    name, pinned, _ = PINS.get(resolver, ("", re.compile("(?!)"), ""))
    values = [item.get("value") for item in entries(reference, "params") if item.get("name") == name]
    return any(isinstance(value, str) and pinned.fullmatch(value) for value in values)


def _unpinned(reference: Mapped, resolver: str) -> str:
    """What to say of a reference that may mean something else tomorrow; empty where it may not."""
    if resolver not in PINS or _is_pinned(reference, resolver):
        return ""
    name, _, what = PINS[resolver]
    return f"; and it may be another one tomorrow, since {name} is not {what}"
