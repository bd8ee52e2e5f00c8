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
    Container,
    EnvVar,
    Literal,
    Loop,
    Native,
    Operation,
    Output,
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
from couler_tekton.generating.store import with_paths
from couler_tekton.generating.values import FACTS
from couler_tekton.portable.known import fields, structured

IMAGE = "busybox"
MAX_ITEMS = 256
CONDITION = re.compile(r"\s*([\w.\[\]]+)\s*(==|=|!=|>=|<=|>|<)\s*([\w.-]+)\s*")
SHELL = {"==": "=", "=": "=", "!=": "!=", ">": "-gt", "<": "-lt", ">=": "-ge", "<=": "-le"}
RESOURCE = """\
printf %s "$1" > /tmp/manifest.yaml
made=$(kubectl "$2" -f /tmp/manifest.yaml -o name ${3:-}) || exit
echo "$made"
"""
WAITED = """\
get() { kubectl get "$made" -o "jsonpath={.$1}"; }
while :; do
%s%s  sleep 5
done
"""
"""`sh -c RESOURCE sh MANIFEST ACTION FLAGS`: changes an object; then it may wait for what it says of itself."""


def prepared(workflow: Workflow, image: str, kubectl: str) -> tuple[Workflow, tuple[Decision, ...]]:
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

    given = {port.name: usual(port) for port in workflow.parameters if isinstance(usual(port), Literal)}
    parameters = []
    for port in workflow.parameters:
        is_bare = port.kind == "parameter" and port.origin is None and usual(port) is None
        if is_bare:
            note(port.name, "is empty", f"the parameter {port.name!r} has no value: write it into the run")
        parameters.append(replace(port, value=Literal(value="")) if is_bare else port)
    workflow = map_references(replace(workflow, parameters=tuple(parameters)), _as_fact)
    workflow = _with_constants(workflow, given, note)
    operations = tuple(with_paths(_operation(item, image, kubectl)) for item in workflow.operations)
    return with_image(replace(workflow, operations=operations), image), tuple(notes)


def _as_fact(reference: Reference) -> Reference:
    """Return the name of a run, its uid, or its namespace as a parameter that stands for it."""
    path = reference.path or tuple(reference.name.split(".")[1:])
    fact = f"couler-run-{'-'.join(path)}"
    if reference.to != "run" or not reference.name.startswith("workflow") or fact not in FACTS:
        return reference
    return Reference(to="parameter", kind="parameter", name=fact)


def _with_constants(workflow: Workflow, given: dict[str, Any], note: Any) -> Workflow:
    """Return a workflow whose lists and pods are known, where parameters say them by default."""
    values = _values(workflow, given)

    def filled(value: Any, owner: str) -> Any:
        def instead(reference: Reference) -> Reference | str:
            held = values.get((owner if reference.to == "input" else "", reference.name))
            is_text = reference.to in ("input", "parameter") and isinstance(held, str) and not reference.path
            return held if is_text and isinstance(held, str) else reference

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


def _values(workflow: Workflow, given: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the texts that parameters and inputs have in any case, by who has them and their name."""
    values = {("", name): _text(value) for name, value in given.items()}
    by_name = callables(workflow)
    calls: dict[str, list[tuple[str, Step]]] = {}
    for graph, site in call_sites(workflow):
        calls.setdefault(getattr(site.call, "name", ""), []).append((graph.name if graph else "", site))
    for _ in range(len(by_name)):
        before = len(values)
        for name, callee in by_name.items():
            for port in callee.inputs:
                held = {_passed(port.name, usual(port), owner, one, values) for owner, one in calls.get(name, ())}
                text = held.pop() if len(held) == 1 else None
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


def _operation(operation: Operation, image: str, kubectl: str) -> Operation:
    rest = fields(operation.native_extra)
    if operation.containers:
        seconds = rest.pop("activeDeadlineSeconds", None)
        if isinstance(seconds, (int, str)) and operation.timeout is None:
            operation = replace(operation, timeout=Literal(value=f"{seconds}s"), native_extra=structured(rest))
        return replace(operation, containers=tuple(_mirrored(item, operation) for item in operation.containers))
    match operation.kind:
        case "suspend" if (rest.get("suspend") or {}).get("duration") and not operation.outputs:
            return _run(operation, rest, image or IMAGE, ("sleep", rest["suspend"]["duration"]))
        case "resource" if kubectl:
            made = _resource(rest["resource"], operation.outputs)
            files = (replace(item, value=None, path=Literal(value=_file(item.name))) for item in operation.outputs)
            return replace(_run(operation, rest, kubectl, made), outputs=tuple(files)) if made else operation
        case "containerSet":
            return _containers(operation, rest)
    return operation


def _mirrored(container: Container, operation: Operation) -> Container:
    """Return a container that mounts what the main one mounts, where it says so."""
    rest = fields(container.native_extra)
    if not rest.pop("mirrorVolumeMounts", False):
        return container
    mains = (item for item in operation.containers if item.role == "main")
    mounts = [one for item in mains for one in fields(item.native_extra).get("volumeMounts", ())]
    mounted = [*rest.get("volumeMounts", []), *mounts]
    return replace(container, native_extra=structured({**rest, **({"volumeMounts": mounted} if mounted else {})}))


def _run(operation: Operation, rest: dict[str, Any], image: str, command: tuple[Any, ...]) -> Operation:
    words = tuple(word if isinstance(word, (Reference, Template)) else Literal(value=word) for word in command)
    kept = structured({key: content for key, content in rest.items() if key != operation.kind})
    container = Container(image=Literal(value=image), command=words)
    return replace(operation, kind="container", containers=(container,), native_extra=kept)


def _file(output: str) -> str:
    return f"/tmp/output-{output}"  # noqa: S108  # in a pod of its own


def _resource(resource: dict[str, Any], outputs: tuple[Output, ...]) -> tuple[Any, ...] | None:
    """Return the command for an object of Kubernetes; None where there is more to it."""
    action, flags = resource.get("action"), resource.get("flags", [])
    conditions = {key: resource[key] for key in ("successCondition", "failureCondition") if resource.get(key)}
    known = {"action", "manifest", "flags", "mergeStrategy", *conditions, "setOwnerReference"}
    if resource.keys() - known or resource.get("setOwnerReference") or not all(isinstance(one, str) for one in flags):
        return None
    if "manifest" not in resource or action not in ("create", "apply", "delete", "replace", "get"):
        return None
    script = RESOURCE if action != "delete" else RESOURCE.replace(" -o name", "")
    tests = {"successCondition": "", "failureCondition": ""}
    for key, text in conditions.items():
        parts = [CONDITION.fullmatch(part) for part in text.split(",")] if isinstance(text, str) else [None]
        if not all(parts):
            return None
        asked = " && ".join(f'[ "$(get {part[1]})" {SHELL[part[2]]} {part[3]} ]' for part in parts if part)
        ends = 'echo "it failed" >&2; exit 1' if key == "failureCondition" else "exit 0"
        tests[key] = f"  if {asked}; then {ends}; fi\n"
    rows = []
    for output in outputs:
        source = fields(output.value) if isinstance(output.value, Native) else {}
        if output.kind != "parameter" or source.keys() != {"jsonPath"} or "'" in str(source["jsonPath"]):
            return None
        rows.append(f"kubectl get \"$made\" -o jsonpath='{source['jsonPath']}' > {_file(output.name)} || exit\n")
    if conditions:
        tests["successCondition"] = tests["successCondition"].replace("exit 0", "break")
        if not tests["successCondition"] or action == "delete":
            return None
        script += WAITED % (tests["failureCondition"], tests["successCondition"])
    return ("sh", "-c", script + "".join(rows), "sh", resource["manifest"], action, " ".join(flags))


def _containers(operation: Operation, rest: dict[str, Any]) -> Operation:
    """Return the containers of a set as steps, each behind those that it depends on."""
    said = rest.pop("containerSet")
    items = {item.get("name", f"step-{number}"): item for number, item in enumerate(said.get("containers", ()))}
    if said.keys() - {"containers", "volumeMounts"} or not items:
        return operation
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name not in ordered and name in items:
            for before in items[name].get("dependencies", ()):
                visit(before)
            ordered.append(name)

    for name in sorted(items, key=lambda one: one == "main"):
        visit(name)
    if operation.outputs and ordered[-1] != "main":
        return operation
    containers = tuple(
        _container(name, items[name], said.get("volumeMounts", []), is_last=name == ordered[-1]) for name in ordered
    )
    return replace(operation, kind="container", containers=containers, native_extra=structured(rest))


def _container(name: str, item: dict[str, Any], mounts: list[Any], *, is_last: bool) -> Container:
    def value(data: Any) -> Value:
        return data if isinstance(data, (Reference, Template)) else Literal(value=data)

    others = {key: item[key] for key in item if key not in ("name", "image", "command", "args", "dependencies", "env")}
    mounted = [*others.get("volumeMounts", []), *mounts]
    return Container(
        name=name,
        role="main" if is_last else "init",
        image=value(item["image"]) if "image" in item else None,
        command=tuple(map(value, item.get("command", ()))),
        args=tuple(map(value, item.get("args", ()))),
        env=tuple(_variable(one) for one in item.get("env", ())),
        native_extra=structured({**others, **({"volumeMounts": mounted} if mounted else {})}),
    )


def _variable(item: dict[str, Any]) -> EnvVar:
    value = item.get("value", "")
    if "valueFrom" in item:
        return EnvVar(name=item["name"], value=structured({"valueFrom": item["valueFrom"]}) or Literal(value=""))
    return EnvVar(name=item["name"], value=value if isinstance(value, (Reference, Template)) else Literal(value=value))
