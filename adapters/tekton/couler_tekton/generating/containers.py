"""What other engines run without a container of its own, or in several, as containers."""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.ir import (
    Container,
    EnvVar,
    Literal,
    Native,
    Operation,
    Output,
    Reference,
    Template,
    Value,
    replace,
)
from couler_tekton.portable.contents import fields, structured

IMAGE = "busybox"
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


def in_container(operation: Operation, image: str, kubectl: str) -> Operation:
    """Return an operation as one of containers, where that can be; see `prepare`."""
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
            command = _resource(rest["resource"], operation.outputs)
            files = (replace(item, value=None, path=Literal(value=_file(item.name))) for item in operation.outputs)
            return replace(_run(operation, rest, kubectl, command), outputs=tuple(files)) if command else operation
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
    carried = {"action", "manifest", "flags", "mergeStrategy", *conditions, "setOwnerReference"}
    if resource.keys() - carried or resource.get("setOwnerReference") or not all(isinstance(one, str) for one in flags):
        return None
    if "manifest" not in resource or action not in ("create", "apply", "delete", "replace", "get"):
        return None
    script = RESOURCE if action != "delete" else RESOURCE.replace(" -o name", "")
    tests = {"successCondition": "", "failureCondition": ""}
    for key, text in conditions.items():
        parts = [CONDITION.fullmatch(part) for part in text.split(",")] if isinstance(text, str) else [None]
        if not all(parts):
            return None
        question = " && ".join(f'[ "$(get {part[1]})" {SHELL[part[2]]} {part[3]} ]' for part in parts if part)
        ends = 'echo "it failed" >&2; exit 1' if key == "failureCondition" else "exit 0"
        tests[key] = f"  if {question}; then {ends}; fi\n"
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
