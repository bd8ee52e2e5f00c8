"""What other engines do without a container, in one: waiting, several containers in turn, and resources by kubectl.

Sources: Argo's `pkg/apis/workflow/v1alpha1` (SuspendTemplate, ContainerSetTemplate, ResourceTemplate),
`workflow/executor/resource.go` (conditions: requirements of label selectors on fields of the object).
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from couler_kfp.generating.shells import FIRST, around, commanded, words
from couler_plugins.engine_kit.durations import as_seconds
from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.ir import Container, Literal, Native, Operation, Output, Reference, Template, replace

REQUIREMENT = re.compile(r"\s*([\w.]+)\s*(==|=|!=|>|<)\s*([\w.-]+)\s*")
TESTS = {"==": "=", "=": "=", "!=": "!=", ">": "-gt", "<": "-lt"}
ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
PLACE = "/tmp/couler-resource"  # noqa: S108  # in a container of its own


def contained(operation: Operation, image: str, kubectl: str) -> Operation:
    """Return an operation as one of a container, where it is of a kind that a container can do as well.

    Args:
        operation: it may be of any kind.
        image: with a shell; empty where there is none.
        kubectl: an image with a shell and kubectl; empty where there is none.
    """
    container: Container | None = None
    if operation.kind == "suspend" and image:
        container = _sleeping(operation, image)
    elif operation.kind == "containerSet":
        return _joined(operation)
    elif operation.kind == "resource" and kubectl:
        return _managed(operation, kubectl)
    return (
        operation
        if container is None
        else replace(operation, kind="container", containers=(container,), native_extra=None)
    )


def _sleeping(operation: Operation, image: str) -> Container | None:
    fields = fields_of(operation.native_extra)
    seconds = as_seconds(str((fields.get("suspend") or {}).get("duration", "")))
    if fields.keys() != {"suspend"} or seconds is None or operation.inputs or operation.outputs:
        return None
    return Container(image=Literal(value=image), command=words("sleep", str(seconds.value)))


def _joined(operation: Operation) -> Operation:
    """Return containers that run one after another in the same image as one of these."""
    fields = fields_of(operation.native_extra)
    whole = fields.pop("containerSet", None)
    if not isinstance(whole, dict) or whole.keys() - {"containers", "volumeMounts"} or "\\u0000" in json.dumps(whole):
        return operation
    containers = whole["containers"]
    if not isinstance(containers, list) or not all(_is_plain(item) for item in containers):
        return operation
    pairs = itertools.pairwise(containers)
    chain = [item.get("dependencies", []) == [other["name"]] for other, item in pairs]
    if containers[0].get("dependencies") or not all(chain) or len({item["image"] for item in containers}) != 1:
        return operation
    read = [_container(item) for item in containers]
    *before, last = read
    if len(read) > 1 and (operation.outputs or any(item["name"] == "main" for item in containers)):
        return operation  # what is read of the container that is called main, and not of the last one
    for item in reversed(before):
        last = around(last, FIRST, Literal(value=str(len(item.command) + len(item.args))), *item.command, *item.args)
    if not all(item.command for item in read):
        return operation
    if whole.get("volumeMounts"):
        last = replace(last, native_extra=Native.of({"volumeMounts": whole["volumeMounts"]}))
    rest = Native.of(fields) if fields else None
    return replace(operation, kind="container", containers=(last,), native_extra=rest)


def _is_plain(item: Any) -> bool:
    return isinstance(item, dict) and not item.keys() - {"name", "image", "command", "args", "dependencies"}


def _container(item: dict[str, Any]) -> Container:
    image, command, args = Literal(value=item["image"]), words(*item.get("command", ())), words(*item.get("args", ()))
    return commanded(Container(image=image, command=command, args=args))


def _managed(operation: Operation, kubectl: str) -> Operation:
    """Return a resource that is container, changed or removed as a container that does so by kubectl."""
    fields = fields_of(operation.native_extra)
    resource = fields.pop("resource", None)
    fields_known = {
        "action",
        "manifest",
        "flags",
        "mergeStrategy",
        "successCondition",
        "failureCondition",
        "setOwnerReference",
    }
    if not isinstance(resource, dict) or resource.keys() - fields_known or resource.get("action") not in ACTIONS:
        return operation
    if resource.get("setOwnerReference"):
        return operation
    values = values_of(operation.native_extra)["resource"]
    conditions = [_tests(resource.get(key)) for key in ("successCondition", "failureCondition")]
    outputs = [_asked(output) for output in operation.outputs]
    if None in conditions or None in outputs:
        return operation
    flags = values.get("flags") or []
    strategy = {"patch": ["--type", resource.get("mergeStrategy", "strategic")]}.get(resource["action"], [])
    has_manifest = "manifest" in resource
    flags_all = [*words(*strategy), *flags]
    script = _script(resource["action"], has_manifest, conditions, operation.outputs, outputs)
    manifest = [values["manifest"]] if has_manifest else words("")
    container = Container(
        image=Literal(value=kubectl),
        command=words("sh", "-c", script, "sh"),
        args=(*manifest, *flags_all),
    )
    files = tuple(
        replace(output, value=None, path=Literal(value=f"{PLACE}-{output.name}")) for output in operation.outputs
    )
    rest = Native.of(fields) if fields else None
    return replace(operation, kind="container", containers=(container,), outputs=files, native_extra=rest)


def values_of(native: Native | None) -> Any:
    """Return a structure as data in which each text is a value of the IR."""
    parts = () if native is None else native.parts
    parts_read = [part for part in parts if not isinstance(part, str)]
    numbers = iter(range(len(parts_read)))
    text = "".join(part if isinstance(part, str) else f"\\u0000{next(numbers)}\\u0000" for part in parts)
    return _valued(json.loads(text or "null"), parts_read)


def _valued(data: Any, parts_read: list[Any]) -> Any:
    if isinstance(data, dict):
        return {key: _valued(inner, parts_read) for key, inner in data.items()}
    if isinstance(data, list):
        return [_valued(inner, parts_read) for inner in data]
    if not isinstance(data, str) or "\0" not in data:
        return Literal(value=data)
    pieces = [parts_read[int(piece)] if number % 2 else piece for number, piece in enumerate(data.split("\0"))]
    kept = tuple(piece for piece in pieces if piece != "")
    return kept[0] if len(kept) == 1 and isinstance(kept[0], Reference) else Template(parts=kept)


def _tests(condition: Any) -> list[str] | None:
    """Return what has to hold of fields of an object, in shell; None where nobody knows what that is."""
    tests = []
    for part in filter(None, str(condition or "").split(",")):
        match = REQUIREMENT.fullmatch(part)
        if match is None:
            return None
        path, operator, wanted = match.groups()
        default = ":-0" if operator in "<>" else ""
        read = f'value=$(field "{{.{path}}}")'
        tests.append(f'{{ {read}; [ "${{value{default}}}" {TESTS[operator]} "{wanted}" ]; }}')
    return tests


def _asked(output: Output) -> str | None:
    """Return what kubectl prints of an object for an output; None for what it does not."""
    data = output.value.data if isinstance(output.value, Native) and len(output.value.parts) == 1 else {}
    match data:
        case {"jsonPath": str(path), **others} if not others and "'" not in path:
            return path
        case {"jqFilter": ".", **others} if not others:
            return ""
    return None


def _script(action: str, has_manifest: bool, conditions: Any, outputs: Any, paths: Any) -> str:
    good, bad = conditions
    first = f"kubectl {action} -f {PLACE}.yaml" if has_manifest else f"kubectl {action}"
    first = f"kubectl patch -f {PLACE}.yaml --patch-file {PLACE}.yaml" if action == "patch" else first
    show = "" if action == "delete" else f" -o json > {PLACE}.json"
    lines = [
        f'printf %s "$1" > {PLACE}.yaml || exit; shift',
        f'{first} "$@"{show} || exit',
        f'field() {{ kubectl get -f {PLACE}.json -o "jsonpath=$1"; }}',
    ]
    if good or bad:
        checks = [f"if {' && '.join(bad)}; then exit 1; fi"] if bad else []
        ends = [f"if {' && '.join(good)}; then break; fi"] if good else ["break"]
        lines += ["while :; do", *checks, *ends, "sleep 5", "done"]
    for output, path in zip(outputs, paths, strict=True):
        how = f"-o jsonpath='{path}'" if path else "-o json"
        lines.append(f"kubectl get -f {PLACE}.json {how} > {PLACE}-{output.name} || exit")
    return "\n".join(lines)
