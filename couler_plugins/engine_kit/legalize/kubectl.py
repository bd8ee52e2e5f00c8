"""What is done to an object of Kubernetes, as a container that calls kubectl.

Sources: Argo's `pkg/apis/workflow/v1alpha1` (ResourceTemplate), `workflow/executor/resource.go` (conditions:
requirements of label selectors on fields of the object).
"""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.engine_kit.legalize.values import fields, structured, words
from couler_plugins.ir import Container, Literal, Native, Operation, Output, Reference, Template, replace

REQUIREMENT = re.compile(r"\s*([\w.]+)\s*(==|=|!=|>|<)\s*([\w.-]+)\s*")
TESTS = {"==": "=", "=": "=", "!=": "!=", ">": "-gt", "<": "-lt"}
ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
FIELDS = frozenset(str.split("action manifest flags mergeStrategy successCondition failureCondition setOwnerReference"))
PLACE = "/tmp/couler-resource"  # noqa: S108  # in a container of its own


def managed(operation: Operation, image: str) -> Operation:
    """Return what is done to an object as a container that does so by kubectl; the same operation where it cannot.

    Args:
        operation: it may be of any kind.
        image: with a shell and kubectl; empty where there is none.
    """
    rest = fields(operation.native_extra)
    resource = rest.pop("resource", None)
    if not image or not isinstance(resource, dict) or resource.keys() - FIELDS or resource.get("setOwnerReference"):
        return operation
    action, has_manifest = resource.get("action"), "manifest" in resource
    conditions = [_tests(resource.get(key)) for key in ("successCondition", "failureCondition")]
    paths = [_path(output) for output in operation.outputs]
    if action not in ACTIONS or None in conditions or None in paths:
        return operation
    strategy = ["--type", resource.get("mergeStrategy", "strategic")] if action == "patch" else []
    texts = [resource.get("manifest", ""), *strategy, *(resource.get("flags") or [])]
    args = tuple(item if isinstance(item, (Reference, Template)) else Literal(value=item) for item in texts)
    script = _script(action, has_manifest, conditions, operation.outputs, paths)
    container = Container(image=Literal(value=image), command=words("sh", "-c", script, "sh"), args=args)
    files = tuple(
        replace(output, value=None, path=Literal(value=f"{PLACE}-{output.name}")) for output in operation.outputs
    )
    return replace(operation, kind="container", containers=(container,), outputs=files, native_extra=structured(rest))


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


def _path(output: Output) -> str | None:
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
