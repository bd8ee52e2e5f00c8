"""What other engines do themselves, in words that Tekton has: before a workflow is judged, and written.

Sources: Argo's docs/fields.md (ContainerSetTemplate, ResourceTemplate, SuspendTemplate, Sequence).
"""

from __future__ import annotations

import json
import re
from typing import Any

from couler_plugins.engine_kit.legalize.passes import with_image
from couler_plugins.engine_kit.legalize.rules import usual
from couler_plugins.engine_kit.legalize.values import substituted
from couler_plugins.ir import (
    Axis,
    Literal,
    Loop,
    Native,
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
from couler_tekton.generating.containers import in_container
from couler_tekton.generating.store import with_paths
from couler_tekton.generating.values import FACTS

MAX_ITEMS = 256


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
    operations = tuple(with_paths(in_container(item, image, kubectl)) for item in workflow.operations)
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
        loop = _loop(one.loop, lambda value: filled(value, owner)) if one.loop is not None else None
        if loop != one.loop and any(references(one.loop)):
            note(one.name, "loops over a list", f"{one.name!r} loops over what its parameters say by default")
        return replace(one, loop=loop)

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


def _loop(loop: Loop, filled: Any) -> Loop:
    """Return a loop over a list that stands there, where it counts, or where parameters say it."""
    axes = tuple(replace(axis, values=filled(axis.values)) for axis in loop.axes)
    items: Any = None
    values = axes[0].values if len(axes) == 1 else None
    if loop.combine == "sequence":
        items = _sequence({axis.name: axis.values for axis in axes})
    elif isinstance(values, Literal) and isinstance(values.value, str):
        items = _listed(values.value)
    elif isinstance(values, Native) and not any(references(values)):
        items = _listed(values.data) if isinstance(values.data, str) else None
    if not isinstance(items, list):
        return replace(loop, axes=axes)
    return replace(loop, combine="rows", axes=(Axis(name="item", values=Native.of(items)),))


def _listed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _sequence(said: dict[str, Value]) -> list[str] | None:
    """Return the numbers that a loop counts; None where they are only known at run time."""
    texts = {name: _text(value) for name, value in said.items() if isinstance(value, Literal)}
    if len(texts) != len(said) or not all(
        re.fullmatch(r"-?\d+", texts.get(key, "0")) for key in ("start", "end", "count")
    ):
        return None
    start = int(texts.get("start", "0"))
    count = texts.get("count")
    end = start + int(count) - 1 if count is not None else int(texts.get("end", "0"))
    if count is not None and int(count) < 1:
        return None
    numbers = range(start, end + 1) if end >= start else range(start, end - 1, -1)
    form = texts.get("format", "%d")
    if len(numbers) > MAX_ITEMS or not re.fullmatch(r"[^%]*%0?\d*[dxXo][^%]*", form):
        return None
    return [form % number for number in numbers]
