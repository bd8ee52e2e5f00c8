"""What is done to objects of Kubernetes, as containers that call kubectl for it, as Argo's executor does.

Source: Argo's `workflow/executor/resource.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import count
from typing import Any

from couler_airflow.legal import POD_FIELDS, Diagnostics
from couler_plugins.engine_kit.legalize.native_fields import without_field
from couler_plugins.ir import Container, Literal, Native, Operation, Output, Template, Value, Workflow, replace

MARK = "\ue000"
OBJECT = "/tmp/couler-object"  # noqa: S108  # in a pod
CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(==|=|!=|>=|<=|>|<)\s*([\w.-]+)\s*")
ONE_OF = re.compile(r"\s*([A-Za-z_][\w.]*)\s+in\s+\(\s*([\w.-]+(?:\s*,\s*[\w.-]+)*)\s*\)\s*")
TESTS = {">": "-gt", "<": "-lt", ">=": "-ge", "<=": "-le"}
KUBECTL = """\
set -e
manifest=$(mktemp) && printf %s "$1" > "$manifest" && shift
name=$({call} "$@" -o name{file})
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


FIELDS = frozenset(str.split("action manifest flags mergeStrategy successCondition failureCondition setOwnerReference"))


def prepared(workflow: Workflow, image: str, diagnostics: Diagnostics) -> Workflow:
    """Return a workflow with containers of an image of kubectl in place of what is done to objects."""
    operations = (
        _container_of(item, image, diagnostics) if item.kind == "resource" and item.native_extra else item
        for item in workflow.operations
    )
    return replace(workflow, operations=tuple(operations))


class _Opened:
    """A structure as data, of which texts can be taken out as values."""

    def __init__(self, native: Native) -> None:
        self._parts = [part for part in native.parts if not isinstance(part, str)]
        numbers = count()
        marked = (part if isinstance(part, str) else f"{MARK}{next(numbers)}{MARK}" for part in native.parts)
        self.data: dict[str, Any] = json.loads("".join(marked))

    def value(self, text: str) -> Value:
        """A text in it."""
        pieces = text.split(MARK)
        parts = tuple(self._parts[int(piece)] if n % 2 else piece for n, piece in enumerate(pieces) if n % 2 or piece)
        return Literal(value=text) if len(pieces) == 1 else Template(parts=parts)


def _container_of(operation: Operation, image: str, diagnostics: Diagnostics) -> Operation:
    """What is done to an object as a container that calls kubectl; as it is where it is more than that."""
    assert operation.native_extra is not None
    opened = _Opened(operation.native_extra)
    body = opened.data.pop("resource")
    files = [file for output in operation.outputs if (file := _file_of(output))]
    waits = _waits(body)
    more = body.keys() - FIELDS or opened.data.keys() - {*POD_FIELDS, "metadata"}
    if more or waits is None or len(files) < len(operation.outputs):
        return operation
    if body.get("setOwnerReference"):
        diagnostics.note(operation.name, "is not owned by the run", "Kubernetes does not remove it with it", "detail")
    action, flags, manifest = str(body["action"]), body.get("flags") or [], body.get("manifest") or ""
    call = f"kubectl {action}{' --ignore-not-found' if action == 'delete' else ''}"
    if action == "patch":
        call += f' --type {body.get("mergeStrategy") or "strategic"} --patch-file "$manifest"'
    has_file = bool(manifest) and not (action == "patch" and flags)
    script = KUBECTL.format(call=call, file=' -f "$manifest"' if has_file else "")
    script += waits + "".join(f"{line}\n" for _, line in files)
    words = [Literal(value=word) for word in ("sh", "-c", script, "sh")]
    command = (*words, opened.value(manifest), *map(opened.value, flags))
    return replace(
        operation,
        kind="container",
        containers=(Container(image=Literal(value=image), command=command),),
        outputs=tuple(output for output, _ in files),
        native_extra=without_field(operation.native_extra, "resource"),
    )


def _file_of(output: Output) -> tuple[Output, str] | None:
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
    comparison = CONDITION.fullmatch(condition)
    if comparison is None:
        return None
    path, operator, value = comparison.groups()
    if operator in TESTS:
        return f'number=$(value {path}); [ "${{number:-0}}" {TESTS[operator]} {value} ]' if value.isdigit() else None
    return f'[ "$(value {path})" {"!=" if operator == "!=" else "="} {value} ]'
