"""The fields of Tekton's objects, and of which type each is.

Source: the Go types in `pkg/apis/pipeline/v1` and `pkg/apis/pipeline/pod` (a test holds the fields to the CRDs). Of
structures of Kubernetes' own (`volumes`, probes) there are the names of the fields, in `couler_plugins.engine_kit.crd`.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Structure(NamedTuple):
    """One of Kubernetes' own structures, by the name of its type."""

    name: str


TEXT, FLAG, WHOLE, DURATION = "a text", "true or false", "a whole number", "a duration"
QUANTITY, MAPPING, ANY = "a quantity", "a mapping", ""
TEXTS: Any = [TEXT]
MAPPINGS: Any = [MAPPING]
PARAM = {"name": TEXT, "value": ANY}
PROPERTIES = {"*": {"type": TEXT}}
PARAM_SPEC = {"name": TEXT, "type": TEXT, "description": TEXT, "properties": PROPERTIES, "default": ANY, "enum": TEXTS}
QUANTITIES = {"*": QUANTITY}
RESOURCES = {"requests": QUANTITIES, "limits": QUANTITIES, "claims": [Structure("ResourceClaim")]}
METADATA = {"labels": {"*": TEXT}, "annotations": {"*": TEXT}}
REFERENCE = {"name": TEXT, "kind": TEXT, "apiVersion": TEXT, "resolver": TEXT, "params": [PARAM]}
WHEN = {"input": TEXT, "operator": TEXT, "values": TEXTS, "cel": TEXT}
ENV = {"name": TEXT, "value": TEXT, "valueFrom": Structure("EnvVarSource")}
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
    "envFrom": [Structure("EnvFromSource")],
    "computeResources": RESOURCES,
    "volumeMounts": [MOUNT],
    "volumeDevices": [Structure("VolumeDevice")],
    "imagePullPolicy": TEXT,
    "securityContext": Structure("SecurityContext"),
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
LIVELINESS: dict[str, Any] = {
    "ports": [Structure("ContainerPort")],
    **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), Structure("Probe")),
    "lifecycle": Structure("Lifecycle"),
}
SIDECAR = {
    **CONTAINER,
    **LIVELINESS,
    **dict.fromkeys(("terminationMessagePath", "terminationMessagePolicy", "restartPolicy"), TEXT),
    **dict.fromkeys(("stdin", "stdinOnce", "tty"), FLAG),
}
TASK = {
    "params": [PARAM_SPEC],
    "displayName": TEXT,
    "description": TEXT,
    "steps": [STEP],
    "volumes": [Structure("Volume")],
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
    "volumeClaimTemplate": Structure("PersistentVolumeClaim"),
    "persistentVolumeClaim": Structure("PersistentVolumeClaimVolumeSource"),
    "emptyDir": Structure("EmptyDirVolumeSource"),
    "configMap": Structure("ConfigMapVolumeSource"),
    "secret": Structure("SecretVolumeSource"),
    "projected": Structure("ProjectedVolumeSource"),
    "csi": Structure("CSIVolumeSource"),
}
SPREAD: dict[str, Any] = {
    **dict.fromkeys(("topologyKey", "whenUnsatisfiable", "nodeAffinityPolicy", "nodeTaintsPolicy"), TEXT),
    **dict.fromkeys(("maxSkew", "minDomains"), WHOLE),
    "labelSelector": Structure("LabelSelector"),
    "matchLabelKeys": TEXTS,
}
POD_TEMPLATE: dict[str, Any] = {
    "nodeSelector": {"*": TEXT},
    "env": [ENV],
    "tolerations": [Structure("Toleration")],
    "affinity": Structure("Affinity"),
    "securityContext": Structure("PodSecurityContext"),
    "volumes": [Structure("Volume")],
    **dict.fromkeys(("runtimeClassName", "dnsPolicy", "priorityClassName", "schedulerName"), TEXT),
    **dict.fromkeys(("automountServiceAccountToken", "enableServiceLinks", "hostNetwork", "hostUsers"), FLAG),
    "dnsConfig": Structure("PodDNSConfig"),
    "imagePullSecrets": [Structure("LocalObjectReference")],
    "hostAliases": [Structure("HostAlias")],
    "topologySpreadConstraints": [SPREAD],
}
OVERRIDES = [{"name": TEXT, "computeResources": RESOURCES}]
TASK_RUN_SPEC = {
    "pipelineTaskName": TEXT,
    "serviceAccountName": TEXT,
    "podTemplate": POD_TEMPLATE,
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
    "taskRunTemplate": {"serviceAccountName": TEXT, "podTemplate": POD_TEMPLATE},
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
    "podTemplate": POD_TEMPLATE,
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
