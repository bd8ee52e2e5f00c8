"""Workflows of other engines before they are planned: sets of containers, objects of Kubernetes, and targets.

Sources: Argo's `workflow/executor/resource.go` (how it calls kubectl), docs/container-set-template.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from couler_airflow.legal import POD_FIELDS, Diagnostics
from couler_airflow.plugin import Options
from couler_plugins.ir import (
    Container,
    EnvVar,
    Graph,
    GraphView,
    Literal,
    Native,
    Operation,
    Output,
    Template,
    Value,
    Workflow,
    replace,
)

MARK = "\ue000"
OBJECT = "/tmp/couler-object"  # noqa: S108  # in a pod
CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(==|=|!=|>=|<=|>|<)\s*([\w.-]+)\s*")
ONE_OF = re.compile(r"\s*([A-Za-z_][\w.]*)\s+in\s+\(\s*([\w.-]+(?:\s*,\s*[\w.-]+)*)\s*\)\s*")
TESTS = {">": "-gt", "<": "-lt", ">=": "-ge", "<=": "-le"}
KUBECTL = """\
set -e
manifest=$(mktemp) && printf %s "$1" > "$manifest" && shift
name=$(kubectl "$@" -o name{file})
printf '%s\\n' "$name"
value() {{ kubectl get $name -o "jsonpath={{.$1}}"; }}
"""
"""Begins what does something to an object; the manifest and kubectl's arguments follow."""
WAIT = """\
while ! { SUCCESS; }; do
  if FAILURE; then echo 'the condition of a failure holds' >&2; exit 1; fi
  sleep 5
done
"""


def prepared(workflow: Workflow, options: Options, diagnostics: Diagnostics) -> Workflow:
    """Return a workflow with containers in place of what is one in other words, and without what no target needs."""
    operations = (_prepared(operation, options, diagnostics) for operation in workflow.operations)
    return replace(workflow, operations=tuple(operations), graphs=tuple(map(_wanted, workflow.graphs)))


def _wanted(graph: Graph) -> Graph:
    """A graph without the steps that none of its targets needs."""
    names = [name for name in graph.targets if isinstance(name, str)]
    if len(names) != len(graph.targets) or not names:
        return graph
    view = GraphView(graph)
    kept = {*names}.union(*(view.ancestors(name) for name in names if name in {step.name for step in graph.steps}))
    return replace(graph, steps=tuple(step for step in graph.steps if step.name in kept), targets=())


def _prepared(operation: Operation, options: Options, diagnostics: Diagnostics) -> Operation:
    native = operation.native_extra
    if native is None:
        return operation
    made = None
    if operation.kind == "containerSet":
        made = _of_set(operation, _Opened(native), diagnostics)
    elif operation.kind == "resource" and options.kubectl:
        made = _of_object(operation, _Opened(native), options.kubectl, diagnostics)
    return made or operation


class _Opened:
    """A structure, of which parts can be taken out as values."""

    def __init__(self, native: Native) -> None:
        self._parts = [part for part in native.parts if not isinstance(part, str)]
        numbers = iter(range(len(self._parts)))
        marked = (part if isinstance(part, str) else f"{MARK}{next(numbers)}{MARK}" for part in native.parts)
        self.data: dict[str, Any] = json.loads("".join(marked))

    def value(self, text: Any) -> Value:
        """A text in it."""
        if not isinstance(text, str):
            return Literal(value=text)
        pieces = text.split(MARK)
        parts = tuple(self._parts[int(piece)] if n % 2 else piece for n, piece in enumerate(pieces) if n % 2 or piece)
        return Literal(value=text) if len(pieces) == 1 else Template(parts=parts)

    def rest(self, data: Mapping[str, Any]) -> Native | None:
        """A structure in it, as one by itself."""
        if not data:
            return None
        pieces = json.dumps(data, ensure_ascii=False, separators=(",", ":")).split(MARK)
        parts = (self._parts[int(piece)] if n % 2 else piece for n, piece in enumerate(pieces) if n % 2 or piece)
        return Native(parts=tuple(parts))


# Sets of containers: one after another, all but the last before the main container.


def _of_set(operation: Operation, opened: _Opened, diagnostics: Diagnostics) -> Operation | None:
    """A set of containers as one pod whose containers run one after another; None where they run at a time."""
    body = opened.data.pop("containerSet")
    items = _in_order(body.get("containers") or [])
    if items is None or body.keys() - {"containers", "volumeMounts"}:
        return None
    if operation.outputs and len(items) > 1 and items[-1]["name"] != "main":
        return None
    if any(len(item.get("dependencies") or []) > 1 for item in items):
        diagnostics.note(operation.name, "runs its containers one after another", "those of a pod of Airflow do")
    mounts = body.get("volumeMounts") or []
    containers = [_container(opened, item, mounts, number < len(items) - 1) for number, item in enumerate(items)]
    return replace(
        operation,
        kind="container",
        containers=tuple(containers[-1:] + containers[:-1]),
        native_extra=opened.rest(opened.data),
    )


def _in_order(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Containers so that each comes after those that it depends on; None where several begin."""
    done: list[dict[str, Any]] = []
    while len(done) < len(items):
        names = {item["name"] for item in done}
        free = [item for item in items if item not in done and {*(item.get("dependencies") or [])} <= names]
        if not free or (not done and len(free) > 1):
            return None
        done += free
    return done


def _container(opened: _Opened, item: dict[str, Any], mounts: Sequence[Any], is_init: bool) -> Container:
    known = ("name", "image", "command", "args", "env", "resources", "dependencies")
    rest = {key: value for key, value in item.items() if key not in known}
    if mounts or rest.get("volumeMounts"):
        rest["volumeMounts"] = [*mounts, *(rest.get("volumeMounts") or [])]
    resources = item.get("resources") or {}

    def pairs(which: str) -> tuple[tuple[str, Value], ...]:
        return tuple((name, opened.value(value)) for name, value in sorted((resources.get(which) or {}).items()))

    return Container(
        name=item["name"],
        role="init" if is_init else "main",
        image=opened.value(item["image"]),
        command=tuple(map(opened.value, item.get("command") or [])),
        args=tuple(map(opened.value, item.get("args") or [])),
        env=tuple(_variable(opened, one) for one in item.get("env") or []),
        requests=pairs("requests"),
        limits=pairs("limits"),
        native_extra=opened.rest(rest),
    )


def _variable(opened: _Opened, item: dict[str, Any]) -> EnvVar:
    value = opened.value(item["value"]) if "value" in item else opened.rest({"valueFrom": item.get("valueFrom")})
    return EnvVar(name=item["name"], value=value or Literal(value=""))


# Objects of Kubernetes: kubectl does what Argo's executor calls it for.


def _of_object(operation: Operation, opened: _Opened, image: str, diagnostics: Diagnostics) -> Operation | None:
    """What is done to an object as a container that calls kubectl; None where it is more than that."""
    body = opened.data.pop("resource")
    known = {
        "action",
        "manifest",
        "flags",
        "mergeStrategy",
        "successCondition",
        "failureCondition",
        "setOwnerReference",
    }
    outputs = [found for output in operation.outputs if (found := _found(output))]
    waits = _waits(body)
    if (
        body.keys() - known
        or len(outputs) < len(operation.outputs)
        or waits is None
        or opened.data.keys() - {*POD_FIELDS, "metadata"}
    ):
        return None
    if body.get("setOwnerReference"):
        diagnostics.note(operation.name, "is not owned by the run", "Kubernetes does not remove it with it", "detail")
    action, flags, manifest = str(body["action"]), body.get("flags") or [], body.get("manifest") or ""
    words: list[Any] = [action]
    if action == "delete":
        words.append("--ignore-not-found")
    if action == "patch":
        words += ["--type", body.get("mergeStrategy") or "strategic", "--patch-file", MANIFEST]
    has_file = bool(manifest) and not (action == "patch" and flags)
    script = KUBECTL.format(file=' -f "$manifest"' if has_file else "").replace('kubectl "$@"', _call(words))
    script += waits + "".join(f"{line}\n" for _, line in outputs if line)
    texts = [opened.value(manifest), *map(opened.value, flags)]
    command = [*(Literal(value=word) for word in ("sh", "-c", script, "sh")), *texts]
    container = Container(image=Literal(value=image), command=tuple(command))
    made = tuple(output for output, _ in outputs)
    return replace(
        operation, kind="container", containers=(container,), outputs=made, native_extra=opened.rest(opened.data)
    )


MANIFEST = "MANIFEST"


def _call(words: Sequence[str]) -> str:
    return " ".join(["kubectl", *('"$manifest"' if word == MANIFEST else word for word in words), '"$@"'])


def _found(output: Output) -> tuple[Output, str] | None:
    """An output as a file, and the line of shell that writes it; None where more than kubectl is needed."""
    data = output.value.data if isinstance(output.value, Native) and len(output.value.parts) == 1 else {}
    if output.kind != "parameter" or len(data) != 1:
        return None
    path = f"{OBJECT}/{output.name}"
    if "jsonPath" in data and "'" not in data["jsonPath"]:
        shown = f"'jsonpath={data['jsonPath']}'"
    elif data == {"jqFilter": "."}:
        shown = "json"
    else:
        return None
    line = f"mkdir -p {OBJECT} && kubectl get $name -o {shown} > '{path}'"
    return replace(output, value=None, path=Literal(value=path)), line


def _waits(body: Mapping[str, Any]) -> str | None:
    """The lines of shell that wait for a condition; None where one of them is more than a comparison."""
    tests = {key: _test(body.get(f"{key}Condition") or "") for key in ("success", "failure")}
    if None in tests.values() or (tests["failure"] and not tests["success"]):
        return None
    if not tests["success"]:
        return ""
    return WAIT.replace("SUCCESS", tests["success"]).replace("FAILURE", tests["failure"] or "false")


def _test(condition: str) -> str | None:
    """A condition as one of shell; empty for none, None for what is more than a comparison."""
    if not condition:
        return ""
    if one_of := ONE_OF.fullmatch(condition):
        names = [name.strip() for name in one_of[2].split(",")]
        return " || ".join(f'[ "$(value {one_of[1]})" = {name} ]' for name in names)
    found = CONDITION.fullmatch(condition)
    if found is None:
        return None
    path, operator, value = found.groups()
    if operator in TESTS:
        return f'number=$(value {path}); [ "${{number:-0}}" {TESTS[operator]} {value} ]' if value.isdigit() else None
    return f'[ "$(value {path})" {"!=" if operator == "!=" else "="} {value} ]'
