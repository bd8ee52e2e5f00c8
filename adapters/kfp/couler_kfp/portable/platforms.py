"""Platform configuration in the terms of Kubernetes' pods and containers.

Names that are only known at run time become inputs, which the calls pass. Source: `kubernetes_executor_config.proto`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_kfp.portable.types import refuse
from couler_plugins.documents.mappings import without_empty
from couler_plugins.ir import Container, EnvVar, Native, Reference, replace

NAMED = {"secretAsEnv": ("secret", "secretKeyRef"), "configMapAsEnv": ("configMap", "configMapKeyRef")}
HANDLED = frozenset(
    {
        "configMapAsEnv",
        "configMapAsVolume",
        "activeDeadlineSeconds",
        "emptyDirMounts",
        "fieldPathAsEnv",
        "imagePullPolicy",
        "imagePullSecret",  # that of all pods, see `pull_secrets`
        "nodeSelector",
        "podMetadata",
        "pvcMount",
        "secretAsEnv",
        "secretAsVolume",
        "tolerations",
    }
)


INPUT = re.compile(r"\\u0000(.*?)\\u0000")


AFFINITIES = frozenset({"nodeAffinity", "podAffinity"})


def configured(
    name: str, container: Container, platforms: Mapping[str, Any], passed: dict[str, Reference]
) -> tuple[Container, Native | None]:
    """The container with its part of the configuration, and what the pod around it has.

    Args:
        name: of the component.
        container: it has no configuration yet.
        platforms: the configuration.
        passed: takes what the graph around has to pass, by the name of a new input.

    Raises:
        Unsupported: some of it is more than constants, or not known here.
    """
    if others := sorted(platforms.keys() - {"kubernetes"}):
        raise refuse("Operation.native_extra", name, f"is configured for the platform {others[0]}", fault=others[0])
    config = platforms.get("kubernetes", {})
    if not isinstance(config, Mapping):
        raise refuse("Operation.native_extra", name, "has a configuration that is no mapping")
    left_out = unsaid(config)
    config = {key: content for key, content in config.items() if key not in left_out}
    if unknown := sorted(config.keys() - HANDLED):
        reason = f"is configured with {unknown[0]}"
        raise refuse("Operation.native_extra", name, reason, fault=f"kubernetes.{unknown[0]}")
    mounts, volumes = _volumes(name, config, passed)
    fields = without_empty({"imagePullPolicy": config.get("imagePullPolicy") or None, "volumeMounts": mounts})
    pod: dict[str, Any] = {"volumes": volumes} if volumes else {}
    for field, own, keys in (
        ("nodeSelector", None, ("labels",)),
        ("podMetadata", "metadata", ("annotations", "labels")),
    ):
        entries = config.get(field, {})
        if not isinstance(entries, Mapping) or not entries.keys() <= set(keys):
            raise refuse("Operation.native_extra", name, f"has a {field} that is only known at run time")
        if entries:
            pod[own or field] = dict(entries) if own else entries["labels"]
    if tolerations := _items(name, "tolerations", config):
        pod["tolerations"] = list(map(dict, tolerations))
    if deadline := config.get("activeDeadlineSeconds"):
        pod["activeDeadlineSeconds"] = int(str(deadline))
    env = (*container.env, *_environment(name, config, passed))
    configured_container = replace(container, env=env, native_extra=Native.of(fields) if fields else None)
    return configured_container, with_inputs(pod) if pod else None


def unsaid(config: Any) -> list[str]:
    """Return the settings of where a pod runs that are left out: affinities, and what only the run knows."""
    if not isinstance(config, Mapping):
        return []
    tolerations = config.get("tolerations")
    selector = config.get("nodeSelector")
    unknown = {
        "imagePullSecret": len(pull_secrets("", config)) < len(config.get("imagePullSecret") or ()),
        "tolerations": isinstance(tolerations, list) and any("tolerationJson" in item for item in tolerations),
        "nodeSelector": isinstance(selector, Mapping) and "nodeSelectorJson" in selector,
    }
    return sorted([*(AFFINITIES & config.keys()), *(key for key, is_unknown in unknown.items() if is_unknown)])


def pull_secrets(name: str, config: Any) -> list[str]:
    """Return the secrets by which images are pulled, as far as their names are known."""
    items = _items(name, "imagePullSecret", config) if isinstance(config, Mapping) else []
    read: dict[str, Reference] = {}
    names = [_name(name, "imagePullSecret", item, "secret", read) for item in items]
    return [item for item in names if "\0" not in item]


def with_inputs(data: Any) -> Native:
    """Return a structure with a reference in place of each mark of an input."""
    pieces = INPUT.split(json.dumps(data, ensure_ascii=False))
    return Native(
        parts=tuple(
            Reference(to="input", kind="parameter", name=piece) if number % 2 else piece
            for number, piece in enumerate(pieces)
        )
    )


def _environment(name: str, config: Mapping[str, Any], passed: dict[str, Reference]) -> Iterator[EnvVar]:
    for field, (kind, reference) in NAMED.items():
        for item in _items(name, field, config):
            source = {"name": _name(name, field, item, kind, passed), **_optional(item)}
            for pair in _items(name, "keyToEnv", item):
                selected = {reference: {**source, "key": _text(name, field, pair, f"{kind}Key")}}
                yield EnvVar(name=_text(name, field, pair, "envVar"), value=with_inputs({"valueFrom": selected}))
    for item in _items(name, "fieldPathAsEnv", config):
        selected = {"fieldRef": {"fieldPath": _text(name, "fieldPathAsEnv", item, "fieldPath")}}
        yield EnvVar(name=_text(name, "fieldPathAsEnv", item, "name"), value=Native.of({"valueFrom": selected}))


def _volumes(name: str, config: Mapping[str, Any], passed: dict[str, Reference]) -> tuple[list[Any], list[Any]]:
    """Mounts and volumes, as Kubernetes has them."""
    mounts: list[Any] = []
    volumes: list[Any] = []

    def add(field: str, item: Mapping[str, Any], kind: str, source: Any) -> None:
        volume = f"{kind.lower()}-{len(volumes) + 1}"
        sub = {"subPath": item["subPath"]} if item.get("subPath") else {}
        mounts.append({"name": volume, "mountPath": _text(name, field, item, "mountPath"), **sub})
        volumes.append({"name": volume, kind: source})

    for item in _items(name, "pvcMount", config):
        add("pvcMount", item, "persistentVolumeClaim", {"claimName": _name(name, "pvcMount", item, "pvc", passed)})
    for item in _items(name, "secretAsVolume", config):
        source = {"secretName": _name(name, "secretAsVolume", item, "secret", passed), **_optional(item)}
        add("secretAsVolume", item, "secret", source)
    for item in _items(name, "configMapAsVolume", config):
        source = {"name": _name(name, "configMapAsVolume", item, "configMap", passed), **_optional(item)}
        add("configMapAsVolume", item, "configMap", source)
    for item in _items(name, "emptyDirMounts", config):
        limits = {"medium": item.get("medium"), "sizeLimit": item.get("sizeLimit")}
        add("emptyDirMounts", item, "emptyDir", {key: value for key, value in limits.items() if value})
    return mounts, volumes


def _items(name: str, field: str, holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = holder.get(field, [])
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise refuse("Operation.native_extra", name, f"has a {field} that is no list of mappings")
    return items


def _text(name: str, field: str, item: Mapping[str, Any], key: str) -> str:
    if not isinstance(item.get(key), str):
        raise refuse("Operation.native_extra", name, f"has a {field} without a {key}")
    return str(item[key])


def _name(name: str, field: str, item: Mapping[str, Any], kind: str, passed: dict[str, Reference]) -> str:
    """The name of a secret, a claim, or the like; a mark of an input where only the run knows it."""
    parameter: Any = item.get(f"{kind}NameParameter", item)
    read = _read(parameter) if isinstance(parameter, Mapping) else None
    if read is not None:
        port = next((port for port, other in passed.items() if other == read), f"{kind.lower()}-name-{len(passed) + 1}")
        passed[port] = read
        return f"\0{port}\0"
    for key in ("runtimeValue", "constant"):
        parameter = parameter.get(key) if isinstance(parameter, Mapping) else None
    result = parameter or item.get("constant") or item.get(f"{kind}Name")
    if not isinstance(result, str) or not result:
        raise refuse(
            "Operation.native_extra",
            name,
            f"has a {field} whose name is only known at run time",
            "give it a constant name",
        )
    return result


def _read(parameter: Mapping[str, Any]) -> Reference | None:
    """Return what the graph around a component knows a name by."""
    match parameter:
        case {"componentInputParameter": str(name)}:
            return Reference(to="input", kind="parameter", name=name)
        case {"taskOutputParameter": {"producerTask": str(step), "outputParameterKey": str(name)}}:
            return Reference(to="output", step=step, kind="parameter", name=name)
    return None


def _optional(item: Mapping[str, Any]) -> dict[str, bool]:
    return {"optional": True} if item.get("optional") else {}
