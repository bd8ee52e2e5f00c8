"""The fields of Tekton's objects, and of which type each is.

Source: the Go types in `pkg/apis/pipeline/v1` (a test holds the fields to the CRDs). Structures of Kubernetes' own
(`volumes`, `podTemplate`, probes) are not looked into: `couler lint --schema` does that.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ANY",
    "DURATION",
    "EMBEDDED",
    "FLAG",
    "MAPPING",
    "MAPPINGS",
    "OBJECTS",
    "PIPELINE",
    "PIPELINE_RUN",
    "PIPELINE_TASK",
    "QUANTITY",
    "REFERENCE",
    "RESOURCES",
    "SIDECAR",
    "STEP",
    "TASK",
    "TASK_RUN",
    "TASK_RUN_SPEC",
    "TEMPLATE",
    "TEXT",
    "WHOLE",
]

TEXT, FLAG, WHOLE, DURATION = "a text", "true or false", "a whole number", "a duration"
QUANTITY, MAPPING, ANY = "a quantity", "a mapping", ""
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
TASK_RUN_SPEC = {
    "pipelineTaskName": TEXT,
    "serviceAccountName": TEXT,
    "podTemplate": MAPPING,
    "stepSpecs": OVERRIDES,
    "sidecarSpecs": OVERRIDES,
    "metadata": METADATA,
    "computeResources": RESOURCES,
    "timeout": DURATION,
}
PIPELINE_RUN = {
    "pipelineRef": PIPELINE_TASK["pipelineRef"],
    "pipelineSpec": PIPELINE,
    "params": [PARAM],
    "status": TEXT,
    "timeouts": {"pipeline": DURATION, "tasks": DURATION, "finally": DURATION},
    "taskRunTemplate": {"serviceAccountName": TEXT, "podTemplate": MAPPING},
    "workspaces": [BINDING],
    "managedBy": TEXT,
    "taskRunSpecs": [TASK_RUN_SPEC],
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
