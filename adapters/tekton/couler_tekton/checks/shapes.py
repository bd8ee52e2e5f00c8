"""What stands where in Tekton's objects: which fields there are, and of which type.

Source: the Go types in `pkg/apis/pipeline/v1` (a test holds the fields to the CRDs). Structures of Kubernetes' own
(`volumes`, `podTemplate`, probes) are not looked into: `couler lint --schema` does that.
"""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.documents import Path
from couler_tekton.checks.durations import seconds
from couler_tekton.checks.report import Report

__all__ = ["OBJECTS", "check_shape", "without_nulls"]

TEXT, FLAG, WHOLE, DURATION = "a text", "true or false", "a whole number", "a duration"
QUANTITY, MAPPING, ANY = "a quantity", "a mapping", ""
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?\Z")
"""As Kubernetes writes amounts of memory and the like."""

TEXTS: Any = [TEXT]
MAPPINGS: Any = [MAPPING]
PARAM = {"name": TEXT, "value": ANY}
PROPERTIES = {"*": {"type": TEXT}}
PARAM_SPEC = {"name": TEXT, "type": TEXT, "description": TEXT, "properties": PROPERTIES, "default": ANY, "enum": TEXTS}
QUANTITIES = {"*": QUANTITY}
RESOURCES = {"requests": QUANTITIES, "limits": QUANTITIES, "claims": MAPPINGS}
METADATA = {"labels": {"*": TEXT}, "annotations": {"*": TEXT}}
REFERENCE = {"name": TEXT, "kind": TEXT, "apiVersion": TEXT, "resolver": TEXT, "params": [PARAM]}
WHEN = {"input": TEXT, "operator": TEXT, "values": TEXTS, "cel": TEXT}
ENV = {"name": TEXT, "value": TEXT, "valueFrom": MAPPING}
MOUNT = {
    "name": TEXT,
    "readOnly": FLAG,
    "recursiveReadOnly": TEXT,
    "mountPath": TEXT,
    "subPath": TEXT,
    "mountPropagation": TEXT,
    "subPathExpr": TEXT,
}
TEMPLATE = {
    "image": TEXT,
    "command": TEXTS,
    "args": TEXTS,
    "workingDir": TEXT,
    "env": [ENV],
    "envFrom": MAPPINGS,
    "computeResources": RESOURCES,
    "volumeMounts": [MOUNT],
    "volumeDevices": MAPPINGS,
    "imagePullPolicy": TEXT,
    "securityContext": MAPPING,
}
CONTAINER = {**TEMPLATE, "name": TEXT, "script": TEXT, "workspaces": [{"name": TEXT, "mountPath": TEXT}]}
STEP_RESULT = {"name": TEXT, "type": TEXT, "properties": PROPERTIES, "description": TEXT}
STEP = {
    **CONTAINER,
    "displayName": TEXT,
    "timeout": DURATION,
    "onError": TEXT,
    "stdoutConfig": {"path": TEXT},
    "stderrConfig": {"path": TEXT},
    "ref": {"name": TEXT, "resolver": TEXT, "params": [PARAM]},
    "params": [PARAM],
    "results": [STEP_RESULT],
    "when": [WHEN],
}
SIDECAR = {
    **CONTAINER,
    "ports": MAPPINGS,
    **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"), MAPPING),
    **dict.fromkeys(("terminationMessagePath", "terminationMessagePolicy", "restartPolicy"), TEXT),
    **dict.fromkeys(("stdin", "stdinOnce", "tty"), FLAG),
}
TASK = {
    "params": [PARAM_SPEC],
    "displayName": TEXT,
    "description": TEXT,
    "steps": [STEP],
    "volumes": MAPPINGS,
    "stepTemplate": TEMPLATE,
    "sidecars": [SIDECAR],
    "workspaces": [{"name": TEXT, "description": TEXT, "mountPath": TEXT, "readOnly": FLAG, "optional": FLAG}],
    "results": [{**STEP_RESULT, "value": ANY}],
}
EMBEDDED = {**TASK, "apiVersion": TEXT, "kind": TEXT, "spec": ANY, "metadata": METADATA}
PIPELINE: dict[str, Any] = {
    "displayName": TEXT,
    "description": TEXT,
    "params": [PARAM_SPEC],
    "workspaces": [{"name": TEXT, "description": TEXT, "optional": FLAG}],
    "results": [{"name": TEXT, "type": TEXT, "description": TEXT, "value": ANY}],
}
PIPELINE_TASK = {
    "name": TEXT,
    "displayName": TEXT,
    "description": TEXT,
    "taskRef": REFERENCE,
    "taskSpec": EMBEDDED,
    "pipelineRef": {key: shape for key, shape in REFERENCE.items() if key != "kind"},
    "pipelineSpec": PIPELINE,
    "when": [WHEN],
    "retries": WHOLE,
    "runAfter": TEXTS,
    "params": [PARAM],
    "matrix": {"params": [PARAM], "include": [{"name": TEXT, "params": [PARAM]}]},
    "workspaces": [{"name": TEXT, "workspace": TEXT, "subPath": TEXT}],
    "timeout": DURATION,
    "onError": TEXT,
}
PIPELINE["tasks"] = PIPELINE["finally"] = [PIPELINE_TASK]
BINDING = {
    "name": TEXT,
    "subPath": TEXT,
    **dict.fromkeys(("volumeClaimTemplate", "persistentVolumeClaim", "emptyDir", "configMap"), MAPPING),
    **dict.fromkeys(("secret", "projected", "csi"), MAPPING),
}
OVERRIDES = [{"name": TEXT, "computeResources": RESOURCES}]
PIPELINE_RUN = {
    "pipelineRef": PIPELINE_TASK["pipelineRef"],
    "pipelineSpec": PIPELINE,
    "params": [PARAM],
    "status": TEXT,
    "timeouts": {"pipeline": DURATION, "tasks": DURATION, "finally": DURATION},
    "taskRunTemplate": {"serviceAccountName": TEXT, "podTemplate": MAPPING},
    "workspaces": [BINDING],
    "managedBy": TEXT,
    "taskRunSpecs": [
        {
            "pipelineTaskName": TEXT,
            "serviceAccountName": TEXT,
            "podTemplate": MAPPING,
            "stepSpecs": OVERRIDES,
            "sidecarSpecs": OVERRIDES,
            "metadata": METADATA,
            "computeResources": RESOURCES,
            "timeout": DURATION,
        }
    ],
}
TASK_RUN = {
    "taskRef": REFERENCE,
    "taskSpec": TASK,
    "params": [PARAM],
    "debug": {"breakpoints": {"onFailure": TEXT, "beforeSteps": TEXTS}},
    **dict.fromkeys(("serviceAccountName", "status", "statusMessage", "managedBy"), TEXT),
    "retries": WHOLE,
    "timeout": DURATION,
    "podTemplate": MAPPING,
    "workspaces": [BINDING],
    "stepSpecs": OVERRIDES,
    "sidecarSpecs": OVERRIDES,
    "computeResources": RESOURCES,
}
FROM_TEMPLATE = ("image", "command", "args", "env", "volumeMounts", "securityContext", "workingDir")
STEP_ACTION = {
    **{key: shape for key, shape in TEMPLATE.items() if key in FROM_TEMPLATE},
    "description": TEXT,
    "script": TEXT,
    "params": [PARAM_SPEC],
    "results": [STEP_RESULT],
}
OBJECTS: dict[str, Any] = {
    "Pipeline": PIPELINE,
    "PipelineRun": PIPELINE_RUN,
    "Task": TASK,
    "TaskRun": TASK_RUN,
    "StepAction": STEP_ACTION,
}
"""The fields of each kind's spec: a text names a type, a list holds what its items are, `*` stands for any name."""

FIELDS = {"apiVersion": TEXT, "kind": TEXT, "metadata": {"name": TEXT, "generateName": TEXT, "*": ANY}, "status": ANY}


def check_shape(kind: str, data: Any, report: Report) -> bool:
    """Whether an object is built as its kind is; says what is not.

    Args:
        kind: the kind.
        data: the object.
        report: is told.
    """
    _check({**FIELDS, "spec": OBJECTS[kind]}, data, (), report)
    if data.get("spec") is None:
        report.error("missing-field", (), f"this {kind} has no spec", "add it")
    return not any(remark.severity == "error" for remark in report.remarks)


def without_nulls(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """An object whose shape was checked, as Go reads it: a null says nothing, and is something empty in a list."""
    whole: dict[str, Any] = _without_nulls({**FIELDS, "spec": OBJECTS[kind]}, data)
    return whole


def _without_nulls(shape: Any, content: Any) -> Any:
    if isinstance(shape, dict):
        held = {key: (shape.get(key, shape.get("*", ANY)), inner) for key, inner in (content or {}).items()}
        return {
            key: _without_nulls(inner, value)
            for key, (inner, value) in held.items()
            if value is not None or inner == ANY  # a value that is null is there
        }
    if isinstance(shape, list):
        return [_without_nulls(shape[0], inner) for inner in content]
    if content is None and shape != ANY:
        return {} if shape == MAPPING else ""
    return content


def _check(shape: Any, content: Any, path: Path, report: Report) -> None:
    if content is None or shape == ANY:
        return
    if isinstance(shape, dict):
        if not isinstance(content, dict):
            _misfit(MAPPING, content, path, report)
            return
        for key, inner in content.items():
            held = shape.get(key, shape.get("*"))
            other = "" if held is not None else next((name for name in shape if name.lower() == key.lower()), "")
            if other:  # Go's decoder takes it, the API server does not everywhere
                message = f"{key!r} is read as {other!r} in embedded specs only"
                report.note("field-case", (*path, key), message, f"write {other}")
            elif held is not None:
                _check(held, inner, (*path, key), report)
            else:
                hint = report.meant(key, shape, f"there are {', '.join(sorted(shape))}")
                report.error("unknown-field", (*path, key), f"there is no field {key!r} here", hint)
    elif isinstance(shape, list):
        if not isinstance(content, list):
            _misfit("a list", content, path, report)
            return
        for number, inner in enumerate(content):
            _check(shape[0], inner, (*path, number), report)
    elif not _fits(shape, content):
        _misfit(shape, content, path, report)


def _fits(shape: str, content: Any) -> bool:
    match shape:
        case "a text":
            return isinstance(content, str)
        case "true or false":
            return isinstance(content, bool)
        case "a whole number":
            return isinstance(content, int) and not isinstance(content, bool)
        case "a quantity":
            return not isinstance(content, bool) and isinstance(content, (int, float, str)) and _is_quantity(content)
        case "a duration":
            return isinstance(content, str) and seconds(content) is not None
    return isinstance(content, dict)


def _is_quantity(content: float | str) -> bool:
    return NUMBER.match(str(content)) is not None


def _misfit(wanted: str, content: Any, path: Path, report: Report) -> None:
    found = {bool: "true or false", str: f"the text {content!r:.40}", dict: "a mapping", list: "a list"}
    quoted = wanted == TEXT and isinstance(content, (int, float))
    examples = {DURATION: "write it as in 1h30m", QUANTITY: "write it as in 500m or 2Gi"}
    hint = "put it into quotes" if quoted else examples.get(wanted, f"write {wanted}")
    message = f"{found.get(type(content), 'a number')} stands where Tekton reads {wanted}"
    report.error("wrong-type", path, message, hint)
