"""Which parts of a document the checks read, and of which types."""

from __future__ import annotations

from typing import Any

from couler_argo.lint.conforming import ANY, COUNT, FLAG, NUMBER, TEXT, Each

__all__ = ["CALL", "CRON", "LOCATION", "WORKFLOW"]


LOCATION: dict[str, Any] = {
    "s3": {"endpoint": TEXT, "bucket": TEXT, "key": TEXT},
    "gcs": {"bucket": TEXT, "key": TEXT},
    "oss": {"endpoint": TEXT, "bucket": TEXT, "key": TEXT},
    "azure": {"endpoint": TEXT, "container": TEXT, "blob": TEXT},
    "http": {"url": TEXT},
    "artifactory": {"url": TEXT, "usernameSecret": {}},
    "git": {"repo": TEXT},
    "hdfs": {
        "addresses": [TEXT],
        "path": TEXT,
        "hdfsUser": TEXT,
        "krbCCacheSecret": {},
        "krbKeytabSecret": {},
        "krbServicePrincipalName": TEXT,
        "krbConfigConfigMap": {},
        "krbUsername": TEXT,
        "krbRealm": TEXT,
    },
    "raw": {"data": TEXT},
    "plugin": {"name": TEXT, "configuration": TEXT, "key": TEXT},
}
VALUE_FROM = {
    "path": TEXT,
    "jsonPath": TEXT,
    "jqFilter": TEXT,
    "parameter": TEXT,
    "expression": TEXT,
    "event": TEXT,
    "default": ANY,
    "supplied": {},
    "configMapKeyRef": {"name": TEXT, "key": TEXT},
}
PARAMETER = {
    "name": TEXT,
    "value": ANY,
    "default": ANY,
    "enum": [ANY],
    "globalName": TEXT,
    "valueFrom": VALUE_FROM,
}
ARTIFACT = {
    **LOCATION,
    "name": TEXT,
    "path": TEXT,
    "from": TEXT,
    "fromExpression": TEXT,
    "globalName": TEXT,
    "optional": FLAG,
    "artifactGC": {"strategy": TEXT},
}
PORTS = {"parameters": [PARAMETER], "artifacts": [ARTIFACT]}
REFERENCE = {"name": TEXT, "template": TEXT, "clusterScope": FLAG}
HOOK = {"template": TEXT, "templateRef": REFERENCE, "expression": TEXT, "arguments": PORTS}
CALL: dict[str, Any] = {
    "name": TEXT,
    "template": TEXT,
    "templateRef": REFERENCE,
    "arguments": PORTS,
    "withItems": [ANY],
    "withParam": TEXT,
    "withSequence": {"count": COUNT, "start": COUNT, "end": COUNT, "format": TEXT},
    "when": TEXT,
    "continueOn": {"error": FLAG, "failed": FLAG},
    "onExit": TEXT,
    "hooks": Each(HOOK),
}
TASK: dict[str, Any] = {**CALL, "depends": TEXT, "dependencies": [TEXT]}
MOUNTS = [{"name": TEXT, "mountPath": TEXT}]
CONTAINER = {"name": TEXT, "image": TEXT, "volumeMounts": MOUNTS}
METRIC = {
    "name": TEXT,
    "help": TEXT,
    "labels": [{"key": TEXT, "value": TEXT}],
    "gauge": {"value": TEXT, "realtime": FLAG, "operation": TEXT},
    "counter": {"value": TEXT},
    "histogram": {"value": TEXT},
}
METRICS = {"prometheus": [METRIC]}
LOCKS: dict[str, Any] = {"mutexes": [{}], "semaphores": [{}]}
TEMPLATE: dict[str, Any] = {
    "name": TEXT,
    "inputs": PORTS,
    "outputs": PORTS,
    "container": CONTAINER,
    "containerSet": {"containers": [{**CONTAINER, "dependencies": [TEXT]}], "volumeMounts": MOUNTS},
    "script": {**CONTAINER, "source": TEXT},
    "resource": {
        "action": TEXT,
        "manifest": TEXT,
        "mergeStrategy": TEXT,
        "manifestFrom": {"artifact": {"name": TEXT}},
    },
    "dag": {"tasks": [TASK], "target": TEXT},
    "steps": [[CALL]],
    "suspend": {},
    "data": {},
    "http": {},
    "plugin": {},
    "archiveLocation": LOCATION,
    "daemon": FLAG,
    "initContainers": [CONTAINER],
    "sidecars": [CONTAINER],
    "retryStrategy": {"retryPolicy": TEXT},
    "timeout": TEXT,
    "activeDeadlineSeconds": COUNT,
    "parallelism": NUMBER,
    "metrics": METRICS,
    "memoize": {"key": TEXT, "maxAge": TEXT, "cache": {"configMap": {"name": TEXT}}},
    "synchronization": LOCKS,
}
CALL["inline"] = TASK["inline"] = TEMPLATE
SPEC: dict[str, Any] = {
    "entrypoint": TEXT,
    "onExit": TEXT,
    "hooks": Each(HOOK),
    "templates": [TEMPLATE],
    "arguments": PORTS,
    "workflowTemplateRef": {"name": TEXT, "clusterScope": FLAG},
    "templateDefaults": {"container": {"image": TEXT}, "script": {"image": TEXT}},
    "workflowMetadata": {"labels": Each(TEXT), "annotations": Each(TEXT), "labelsFrom": {}},
    "priority": NUMBER,
    "podGC": {
        "strategy": TEXT,
        "labelSelector": {
            "matchLabels": Each(TEXT),
            "matchExpressions": [{"key": TEXT, "operator": TEXT, "values": [TEXT]}],
        },
    },
    "artifactGC": {"strategy": TEXT},
    "metrics": METRICS,
    "parallelism": NUMBER,
    "synchronization": LOCKS,
}
METADATA = {"name": TEXT, "namespace": TEXT, "labels": Each(TEXT), "annotations": Each(TEXT)}
WORKFLOW = {"metadata": METADATA, "spec": SPEC}
CRON = {
    "metadata": METADATA,
    "spec": {
        "workflowSpec": SPEC,
        "schedule": TEXT,
        "schedules": [TEXT],
        "timezone": TEXT,
        "concurrencyPolicy": TEXT,
        "startingDeadlineSeconds": NUMBER,
        "workflowMetadata": SPEC["workflowMetadata"],
    },
}
