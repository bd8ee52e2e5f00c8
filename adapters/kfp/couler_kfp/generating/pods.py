"""What is said of pods, in KFP's platform document, and what of the workflow counts for each of its operations.

Source: `kubernetes_executor_config.proto`, `backend/src/v2/driver/k8s.go`: a volume of a secret or a ConfigMap has the
name of that, so each of them is mounted only once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.documents.mappings import without_empty
from couler_plugins.engine_kit.durations import as_seconds
from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.ir import (
    Container,
    EnvVar,
    Literal,
    Native,
    Operation,
    Reference,
    Template,
    Value,
    Workflow,
    references,
    replace,
)

FROM = {
    "secretKeyRef": ("secretAsEnv", "secretName", "secretKey"),
    "configMapKeyRef": ("configMapAsEnv", "configMapName", "configMapKey"),
}
POD = frozenset({"activeDeadlineSeconds", "imagePullSecrets", "metadata", "nodeSelector", "tolerations", "volumes"})
CONTAINER = frozenset({"imagePullPolicy", "volumeMounts", "workingDir"})
WORKFLOW = frozenset({"imagePullSecrets", "nodeSelector", "podMetadata", "tolerations", "volumes"})
"""Fields of pods, of containers, and of workflows about all of their pods, that the platform document has words for."""
TOLERATION = frozenset({"key", "operator", "value", "effect", "tolerationSeconds"})
MOUNT = frozenset({"name", "mountPath", "readOnly", "subPath"})


def with_pods(workflow: Workflow) -> Workflow:
    """Return a workflow whose operations say themselves what it says of all of its pods."""
    spec = fields_of(workflow.native_extra).get("spec", {})
    common = {key: spec[key] for key in WORKFLOW & spec.keys() if isinstance(spec, dict) and not is_unknown(spec[key])}
    if "podMetadata" in common:
        common["metadata"] = common.pop("podMetadata")
    if not common:
        return workflow
    return replace(workflow, operations=tuple(_with_fields(item, common) for item in workflow.operations))


def _with_fields(operation: Operation, common: Mapping[str, Any]) -> Operation:
    if not operation.containers or any(references(operation.native_extra)):
        return operation
    own = fields_of(operation.native_extra)
    mounted = {mount.get("name") for item in operation.containers for mount in _mounts(item) if isinstance(mount, dict)}
    merged = {**common, **own}
    volumes = [
        *own.get("volumes", []),
        *(item for item in common.get("volumes", []) if isinstance(item, dict) and item.get("name") in mounted),
    ]
    if "metadata" in common and isinstance(own.get("metadata"), dict):
        kinds = common["metadata"].keys() | own["metadata"].keys()
        merged["metadata"] = {
            kind: {**common["metadata"].get(kind, {}), **own["metadata"].get(kind, {})} for kind in sorted(kinds)
        }
    fields = {**merged, "volumes": volumes}
    kept = {key: content for key, content in fields.items() if content or key in own}
    return replace(operation, native_extra=Native.of(kept) if kept else None)


def is_unknown(data: Any) -> bool:
    """Return whether data, as `fields_of` gives it, has references in it."""
    return "\\u0000" in json.dumps(data)


def unknown_of_workflow(workflow: Workflow) -> list[str]:
    """Return the fields about all pods, of which only the run knows what they are."""
    spec = fields_of(workflow.native_extra).get("spec", {})
    return [f"spec.{key}" for key in sorted(WORKFLOW & spec.keys()) if is_unknown(spec[key])]


def unknown_of_pod(operation: Operation) -> list[str]:
    """Return the fields of a pod that the platform document has no words for, or that only the run knows."""
    fields = fields_of(operation.native_extra)
    metadata = fields.get("metadata", {})
    odd = {key for key in fields if key not in POD or is_unknown(fields[key])}
    if not _is_metadata(metadata):
        odd.add("metadata")
    if "tolerations" in fields and not _is_list(fields["tolerations"], TOLERATION):
        odd.add("tolerations")
    if "imagePullSecrets" in fields and not _is_list(fields["imagePullSecrets"], {"name"}):
        odd.add("imagePullSecrets")
    if "activeDeadlineSeconds" in fields and not str(fields["activeDeadlineSeconds"]).isdigit():
        odd.add("activeDeadlineSeconds")
    return sorted(odd)


def _is_metadata(metadata: Any) -> bool:
    return (
        isinstance(metadata, dict)
        and not metadata.keys() - {"labels", "annotations"}
        and all(isinstance(texts, dict) for texts in metadata.values())
        and all(isinstance(text, str) for texts in metadata.values() for text in texts.values())
    )


def _is_list(items: Any, keys: frozenset[str] | set[str]) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) and not item.keys() - keys for item in items)


def unknown_of_containers(operation: Operation) -> list[str]:
    """Return the fields of containers that the platform document has no words for, or that only the run knows."""
    volumes = _volumes(operation)
    odd: set[str] = set()
    for container in operation.containers:
        fields = fields_of(container.native_extra)
        odd |= {key for key in fields if key not in CONTAINER or is_unknown(fields[key])}
        if not isinstance(fields.get("workingDir", ""), str):
            odd.add("workingDir")
        entries = [_mounted(volumes, mount) for mount in _mounts(container)]
        names = [json.dumps({**entry, "mountPath": ""}) for field, entry in filter(None, entries)]
        if None in entries or len(set(names)) != len(names):
            odd.add("volumeMounts")
    return sorted(odd)


def _volumes(operation: Operation) -> dict[str, Any]:
    volumes = fields_of(operation.native_extra).get("volumes", [])
    items = volumes if isinstance(volumes, list) else []
    return {str(item.get("name")): item for item in items if isinstance(item, dict)}


def _mounts(container: Container) -> list[Any]:
    mounts = fields_of(container.native_extra).get("volumeMounts") or []
    return mounts if isinstance(mounts, list) else [None]


def _mounted(volumes: Mapping[str, Any], mount: Any) -> tuple[str, dict[str, Any]] | None:
    """Return what says in the platform document that something is mounted; None where nothing can."""
    if not isinstance(mount, dict) or mount.keys() - MOUNT or not isinstance(mount.get("mountPath"), str):
        return None
    place = {"mountPath": mount["mountPath"]}
    volume = {key: content for key, content in volumes.get(mount.get("name", ""), {}).items() if key != "name"}
    match volume:
        case {"persistentVolumeClaim": {"claimName": str(name), **others}} if not others.keys() - {"readOnly"}:
            sub = {"subPath": mount["subPath"]} if mount.get("subPath") else {}
            return "pvcMount", {"constant": name, "pvcNameParameter": _constant(name), **place, **sub}
        case _ if mount.get("subPath"):
            return None
        case {"secret": {"secretName": str(name), **others}} if not others.keys() - {"optional"}:
            named = {"secretName": name, "secretNameParameter": _constant(name)}
            return "secretAsVolume", {**named, **place, **_texts(others)}
        case {"configMap": {"name": str(name), **others}} if not others.keys() - {"optional"}:
            named = {"configMapName": name, "configMapNameParameter": _constant(name)}
            return "configMapAsVolume", {**named, **place, **_texts(others)}
        case {"emptyDir": None}:
            return "emptyDirMounts", {"volumeName": mount["name"], **place}
        case {"emptyDir": dict(settings)} if not settings.keys() - {"medium", "sizeLimit"}:
            return "emptyDirMounts", {"volumeName": mount["name"], **place, **_texts(settings)}
    return None


def _texts(mapping: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): content for key, content in mapping.items()}


def _constant(name: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": name}}


def unknown_variables(operation: Operation) -> list[str]:
    """Return the variables that KFP has no words for: they come from elsewhere than from keys, or fields of the pod."""
    variables: list[EnvVar] = [item for container in operation.containers for item in container.env]
    return [item.name for item in variables if not _is_known(item.value)]


def _is_known(value: Value) -> bool:
    if isinstance(value, (Literal, Reference)):
        return True
    if isinstance(value, Template):
        return all(isinstance(part, (str, Reference)) for part in value.parts)
    source = value.data if isinstance(value, Native) and not any(references(value)) else {}
    match source:
        case {"valueFrom": {"fieldRef": {"fieldPath": str(), **others}, **more}}:
            return not more and not others.keys() - {"apiVersion"}
        case {"valueFrom": dict(kinds)}:
            return kinds.keys() in ({"secretKeyRef"}, {"configMapKeyRef"}) and all(
                {"name", "key"} <= item.keys() <= {"name", "key", "optional"} for item in kinds.values()
            )
    return False


def configured(operation: Operation) -> tuple[Container, dict[str, Any]]:
    """Return the container of an operation with nothing but constants around it, and its platform configuration.

    Args:
        operation: it has one container, and nothing of its pod is unknown.
    """
    (container,) = operation.containers
    platform: dict[str, Any] = defaultdict(list)
    kept: list[EnvVar] = []
    for item in container.env:
        if isinstance(item.value, Native):
            field, entry = _selected(item.name, item.value.data["valueFrom"])
            platform[field].append(entry)
        else:
            kept.append(item)
    pod, own = fields_of(operation.native_extra), fields_of(container.native_extra)
    volumes = _volumes(operation)
    for field, entry in filter(None, (_mounted(volumes, mount) for mount in _mounts(container))):
        platform[field].append(entry)
    labels = pod.get("nodeSelector")
    timeout = as_seconds(str(getattr(operation.timeout, "value", "")))
    limits = [int(pod["activeDeadlineSeconds"])] if "activeDeadlineSeconds" in pod else []
    limits += [] if timeout is None else [int(str(timeout.value))]
    settings = {
        "imagePullPolicy": own.get("imagePullPolicy"),
        "podMetadata": pod.get("metadata"),
        "nodeSelector": {"labels": labels} if labels else None,
        "tolerations": pod.get("tolerations"),
        "imagePullSecret": [
            {"secretName": item["name"], "secretNameParameter": _constant(item["name"])}
            for item in pod.get("imagePullSecrets", [])
        ],
        "activeDeadlineSeconds": min(limits) if limits else None,
    }
    fields = Native.of({"workingDir": own["workingDir"]}) if own.get("workingDir") else None
    return replace(container, env=tuple(kept), native_extra=fields), {**platform, **without_empty(settings)}


def _selected(variable: str, source: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if "fieldRef" in source:
        return "fieldPathAsEnv", {"name": variable, "fieldPath": source["fieldRef"]["fieldPath"]}
    ((kind, selected),) = source.items()
    field, named, keyed = FROM[kind]
    optional = {"optional": True} if selected.get("optional") else {}
    parameter = {f"{named}Parameter": _constant(selected["name"])}
    entry = {named: selected["name"], **parameter, "keyToEnv": [{keyed: selected["key"], "envVar": variable}]}
    return field, {**entry, **optional}


def timeouts(operation: Operation) -> Iterator[str]:
    """Yield what is wrong with the timeout of an operation."""
    value = operation.timeout
    seconds = as_seconds(str(value.value)) if isinstance(value, Literal) else None
    if value is not None and (seconds is None or float(str(seconds.value)) % 1):
        yield "a timeout that is only known at run time, or not in whole seconds"
