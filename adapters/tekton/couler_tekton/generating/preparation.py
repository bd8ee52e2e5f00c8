"""What other engines do themselves, in words that Tekton has: before a workflow is judged, and written."""

from __future__ import annotations

import json
from typing import Any

from couler_plugins.engine_kit.legalize.kubectl import managed
from couler_plugins.engine_kit.legalize.loops import with_items
from couler_plugins.engine_kit.legalize.passes import with_image, with_paths
from couler_plugins.engine_kit.legalize.rules import usual
from couler_plugins.engine_kit.legalize.values import fields, structured, substituted, words
from couler_plugins.ir import (
    Container,
    Literal,
    Operation,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    call_sites,
    callables,
    map_references,
    references,
    replace,
)
from couler_plugins.plan import Decision
from couler_tekton.generating.values import FACTS

IMAGE = "busybox"


def prepare(workflow: Workflow, image: str, kubectl: str) -> tuple[Workflow, tuple[Decision, ...]]:
    """Return a workflow in which more is said in words that Tekton has, and what is not quite the same.

    Args:
        workflow: the workflow.
        image: for what runs outside of containers there; empty for none.
        kubectl: the image that has kubectl, for resources; empty for none.
    """
    notes: list[Decision] = []

    def note(subject: str, action: str, reason: str) -> None:
        notes.append(
            Decision(
                optimizer="tekton",
                workflow=workflow.label,
                subject=subject,
                action=action,
                reason=reason,
                loss="detail",
            )
        )

    constants = {port.name: usual(port) for port in workflow.parameters if isinstance(usual(port), Literal)}
    parameters = []
    for port in workflow.parameters:
        is_bare = port.kind == "parameter" and port.origin is None and usual(port) is None
        if is_bare:
            note(port.name, "is empty", f"the parameter {port.name!r} has no value: write it into the run")
        parameters.append(replace(port, value=Literal(value="")) if is_bare else port)
    workflow = map_references(replace(workflow, parameters=tuple(parameters)), _as_fact)
    workflow = _with_constants(workflow, constants, note)
    operations = tuple(with_paths(_in_container(managed(item, kubectl), image)) for item in workflow.operations)
    return with_image(replace(workflow, operations=operations), image), tuple(notes)


def _as_fact(reference: Reference) -> Reference:
    """Return the name of a run, its uid, or its namespace as a parameter that stands for it."""
    path = reference.path or tuple(reference.name.split(".")[1:])
    fact = f"couler-run-{'-'.join(path)}"
    if reference.to != "run" or not reference.name.startswith("workflow") or fact not in FACTS:
        return reference
    return Reference(to="parameter", kind="parameter", name=fact)


def _with_constants(workflow: Workflow, constants: dict[str, Any], note: Any) -> Workflow:
    """Return a workflow whose lists and pods are known, where parameters say them by default."""
    values = _values(workflow, constants)

    def filled(value: Any, owner: str) -> Any:
        def instead(reference: Reference) -> Reference | str:
            text = values.get((owner if reference.to == "input" else "", reference.name))
            is_text = reference.to in ("input", "parameter") and isinstance(text, str) and not reference.path
            return text if is_text and isinstance(text, str) else reference

        return substituted(value, instead)

    def step(one: Step, owner: str) -> Step:
        new = with_items(replace(one, loop=filled(one.loop, owner)))
        if new != one and any(references(one.loop)):
            note(one.name, "loops over a list", f"{one.name!r} loops over what its parameters say by default")
        return new

    def item(one: Any) -> Any:
        rest = filled(one.native_extra, getattr(one, "name", ""))
        if rest != one.native_extra and not any(references(rest)):
            note(one.name, "says of its pod", f"{one.name or 'all pods'!r} says of pods what parameters say by default")
            one = replace(one, native_extra=rest)
        return one

    graphs = (replace(graph, steps=tuple(step(one, graph.name) for one in graph.steps)) for graph in workflow.graphs)
    of_pods = tuple(item(one) if one.kind in ("container", "script") else one for one in workflow.operations)
    whole = filled(workflow.native_extra, "")
    if whole != workflow.native_extra:
        note("", "says of its pods", "all pods have what parameters say by default")
    return replace(workflow, graphs=tuple(graphs), operations=of_pods, native_extra=whole)


def _values(workflow: Workflow, constants: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the texts that parameters and inputs have in any case, by who has them and their name."""
    values = {("", name): _text(value) for name, value in constants.items()}
    by_name = callables(workflow)
    calls: dict[str, list[tuple[str, Step]]] = {}
    for graph, site in call_sites(workflow):
        calls.setdefault(getattr(site.call, "name", ""), []).append((graph.name if graph else "", site))
    for _ in range(len(by_name)):
        before = len(values)
        for name, callee in by_name.items():
            for port in callee.inputs:
                texts = {_passed(port.name, usual(port), owner, one, values) for owner, one in calls.get(name, ())}
                text = texts.pop() if len(texts) == 1 else None
                if text is not None:
                    values[name, port.name] = text
        if len(values) == before:
            break
    return values


def _passed(name: str, default: Value | None, owner: str, step: Step, values: dict[tuple[str, str], str]) -> str | None:
    value = next((one.value for one in step.arguments if one.name == name and one.kind == "parameter"), default)
    if value is None and not owner:
        return values.get(("", name))
    pieces = value.parts if isinstance(value, Template) else (value,)
    texts: list[str | None] = []
    for piece in pieces:
        match piece:
            case str():
                texts.append(piece)
            case Literal():
                texts.append(_text(piece))
            case Reference(to="input" | "parameter", path=()):
                texts.append(values.get((owner if piece.to == "input" else "", piece.name)))
            case _:
                texts.append(None)
    return None if any(text is None for text in texts) else "".join(filter(None, texts))


def _text(value: Literal) -> str:
    return value.value if isinstance(value.value, str) else json.dumps(value.value)


def _in_container(operation: Operation, image: str) -> Operation:
    """Return an operation whose pod has no time limit but its own; waiting for a time is a container, too."""
    rest = fields(operation.native_extra)
    seconds = rest.pop("activeDeadlineSeconds", None)
    if operation.containers and isinstance(seconds, (int, str)) and operation.timeout is None:
        return replace(operation, timeout=Literal(value=f"{seconds}s"), native_extra=structured(rest))
    duration = (rest.pop("suspend", None) or {}).get("duration")
    if operation.kind != "suspend" or not isinstance(duration, (Reference, Template)) or operation.outputs:
        return operation
    container = Container(image=Literal(value=image or IMAGE), command=(*words("sleep"), duration))
    return replace(operation, kind="container", containers=(container,), native_extra=structured(rest))
