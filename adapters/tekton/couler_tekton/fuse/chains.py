"""What the rules of `fuse` look at in tasks of a pipeline: their text, their workspaces, their shells.

Sources (Tekton 1.15): `pkg/pod/pod.go` (what all steps of a pod share), `pkg/workspace/apply.go` (where workspaces are
mounted), `pkg/entrypoint/entrypointer.go` (what is filled in while the pod runs).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from couler_plugins.documents.mappings import Mapped, entries, mapping_at, without
from couler_plugins.hookspecs.fusing import Member
from couler_plugins.ir import Literal, Reference, Template, Value, map_references, replace, take_name
from couler_tekton.bodies import write_operation
from couler_tekton.cache.declared import rest_of
from couler_tekton.portable.values import interpreter
from couler_tekton.variables import spell, write_value

SHELLS = frozenset(["sh", "ash", "bash", "dash"])
FILLED = ("command", "args")
"""Beside values of variables, the fields of a step that Tekton fills in while the pod runs (`applyStepResult…`)."""
DESCRIPTIVE = ("tekton.dev/", "app.kubernetes.io/", "artifacthub.io/", "couler.io/")
"""How labels and annotations begin that say what a Task is, and not what its pods are to be."""


def spec_of(member: Member) -> Mapped:
    """Return the spec of a task as Tekton writes it, each variable in its usual spelling."""
    usual = map_references(member.operation, lambda reference: replace(reference, native=""))
    return write_operation(replace(usual, inputs=(), outputs=()), embedded=True, action=False)


def parameter(name: str) -> str:
    """Return the variable of a parameter."""
    return spell(Reference(to="input", kind="parameter", name=name))


def texts(member: Member) -> str:
    """Return all that a task says and is passed, as one text, but the names of its images and where volumes are."""
    spec = spec_of(member)
    steps = [without(step, "image") for step in (*spec.get("steps", ()), mapping_at(spec, "stepTemplate"))]
    passed = [write_value(argument.value) for argument in member.step.arguments]
    defaults = [write_value(port.default) for port in member.operation.inputs if port.default is not None]
    return json.dumps([steps, passed, defaults], ensure_ascii=False)


def literal_text(value: Value, member: Member) -> str | None:
    """Return a text once the task's parameters are filled in; None where only the run knows them."""
    match value:
        case Literal(value=str(text)):
            return text
        case Reference(to="input", path=()):
            passed = {item.name: item.value for item in member.step.arguments}
            usual = {port.name: port.default for port in member.operation.inputs}
            content = passed.get(value.name) or usual.get(value.name)
            return content.value if isinstance(content, Literal) and isinstance(content.value, str) else None
        case Template(parts=parts):
            pieces = [
                part if isinstance(part, str) else literal_text(part, member) if isinstance(part, Reference) else None
                for part in parts
            ]
            return None if None in pieces else "".join(piece for piece in pieces if piece)
    return None


def images(member: Member) -> dict[str, str | None]:
    """Return the images of a task's steps as they are written, each with its text once parameters are filled in."""
    operation = member.operation
    usual = mapping_at(rest_of(operation), "stepTemplate").get("image")
    values = [item.image or Literal(value=usual or "") for item in operation.containers]
    return {str(write_value(value)): literal_text(value, member) for value in values}


def shell(members: Iterable[Member]) -> tuple[str, int, str] | None:
    """Return the first step that runs a shell script: its task, its place there, and the words that run it."""
    for step, operation, _ in members:
        for place, container in enumerate(operation.containers):
            words, program = interpreter(container.script) if container.script is not None else ([], "")
            if program in SHELLS:
                return step.name, place, " ".join(words)
    return None


def pod_metadata(member: Member) -> Mapped:
    """Return the labels and annotations that a task gives to its pods, but those that only describe it."""
    metadata = mapping_at(rest_of(member.library if member.library is not None else member.operation), "metadata")
    kept = {
        key: {name: text for name, text in mapping_at(metadata, key).items() if not name.startswith(DESCRIPTIVE)}
        for key in ("labels", "annotations")
    }
    return {key: content for key, content in kept.items() if content}


class Workspaces(NamedTuple):
    """The workspaces of a Task that does the work of several.

    Attributes:
        declared: by the Task.
        bound: at its call.
        names: the new name of each, by the member and its own name.
        objection: why they cannot be together, in half a sentence; empty where they can.
    """

    declared: list[Mapped]
    bound: list[Mapped]
    names: Mapping[tuple[str, str], str]
    objection: str = ""


def join_workspaces(members: Sequence[Member]) -> Workspaces:
    """Return the workspaces of a chain: each stays one of its own, since a run may bind it to an `emptyDir`.

    Two that are bound to one claim are two places where its only volume is mounted (`CreateVolumes`).
    """
    declared: list[Mapped] = []
    bound: list[Mapped] = []
    names: dict[tuple[str, str], str] = {}
    volumes: list[set[str]] = []
    objection = ""
    for step, operation, _ in members:
        bindings = {item["name"]: item for item in entries(rest_of(step), "workspaces")}
        volumes.append({item.get("workspace") or name for name, item in bindings.items()})
        for item in entries(rest_of(operation), "workspaces"):
            name = item["name"]
            new = names[step.name, name] = take_name(
                name if name not in names.values() else f"{step.name}-{name}", set(names.values())
            )
            if item.get("mountPath") in [other["mountPath"] for other in declared if "mountPath" in other]:
                objection = f"it has a workspace at {item['mountPath']}, as a task in front of it has"
            if new != name and "mountPath" not in item and f"/workspace/{name}" in texts(Member(step, operation)):
                objection = f"it names /workspace/{name}, where a task in front of it has a workspace"
            declared.append({**item, "name": new})
            if name in bindings:
                bound.append({"workspace": name, **bindings[name], "name": new})
    if set().union(*volumes) not in volumes:
        objection = (
            "together they bind more workspaces of the pipeline than one of them does, and Tekton refuses a pod with"
            " two claims by default"
        )
    return Workspaces(declared, bound, names, objection)


def results_read(value: Any, steps: Iterable[str]) -> list[Reference]:
    """Return what a value reads of some steps."""
    names = set(steps)
    parts = value.parts if isinstance(value, Template) else [value]
    return [part for part in parts if isinstance(part, Reference) and part.step in names]
