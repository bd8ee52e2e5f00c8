"""Shapes of documents: the types that the checks expect of each part that they read.

The checks read only what `conform` returns, so none of them meets a value that Argo would not have read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from couler_plugins.documents import Path


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of some of JSON's types."""

    types: tuple[type, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Each:
    """A mapping with values of one shape."""

    shape: Any


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value of another type than Argo reads at a place."""

    path: Path
    wanted: str
    actual: str


TEXT = Scalar((str,), "a text")
FLAG = Scalar((bool,), "true or false")
NUMBER = Scalar((int,), "a whole number")
COUNT = Scalar((int, str), "a whole number or a text")
ANY = Scalar((object,), "")


def conform(data: Any, shape: Any, path: Path, misfits: list[Misfit]) -> Any:
    """Data of which all that the shape names has its type; what has not is said and left out, and so is null.

    Args:
        data: what a document says at `path`; it is not changed.
        shape: what is expected there.
        path: where that is.
        misfits: gets what is not as expected.
    """
    match shape:
        case Scalar():
            return _scalar(data, shape, path, misfits)
        case list():
            if not isinstance(data, list):
                return _misfit(data, "a list", path, misfits)
            (inner,) = shape
            items = (conform(item, inner, (*path, number), misfits) for number, item in enumerate(data))
            return [_empty(inner) if item is None else item for item in items]
    if not isinstance(data, dict):
        return _misfit(data, "a mapping", path, misfits)
    members = dict(_members(data, shape, path, misfits))
    shaped = data if isinstance(shape, Each) else shape
    others = {key: content for key, content in data.items() if content is not None and key not in shaped}
    return {key: members.get(key, content) for key, content in data.items() if key in members or key in others}


def _members(data: dict[str, Any], shape: Any, path: Path, misfits: list[Misfit]) -> Iterator[tuple[str, Any]]:
    for key, content in data.items():
        inner = shape.shape if isinstance(shape, Each) else shape.get(key)
        if inner is not None and content is not None:
            read = conform(content, inner, (*path, key), misfits)
            if read is not None:
                yield key, read


def _scalar(data: Any, shape: Scalar, path: Path, misfits: list[Misfit]) -> Any:
    if data is None or shape is ANY:
        return data
    if not isinstance(data, shape.types) or (isinstance(data, bool) and bool not in shape.types):
        return _misfit(data, shape.name, path, misfits)
    return data


def _misfit(data: Any, wanted: str, path: Path, misfits: list[Misfit]) -> None:
    if data is not None:
        misfits.append(Misfit(path, wanted, _named(data)))


def _named(data: Any) -> str:
    return {bool: FLAG.name, str: TEXT.name, dict: "a mapping", list: "a list"}.get(type(data), "a number")


def _empty(shape: Any) -> Any:
    """What Argo reads for null in a list."""
    match shape:
        case Scalar():
            return "" if shape is TEXT else None
        case list():
            return []
    return {}


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
