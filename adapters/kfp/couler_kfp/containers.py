"""Executors: the container, and all other kinds.

Source: `pipeline_spec.proto` (PipelineDeploymentConfig.ExecutorSpec, PipelineContainerSpec).
"""

from __future__ import annotations

from typing import Any

from couler_kfp.mappings import Mapped, joined, mapping, rest_of, without
from couler_kfp.structures import structure, write_structure
from couler_kfp.support import refuse_unsupported, unsupported
from couler_kfp.texts import text, write_text
from couler_plugins.documents import Path
from couler_plugins.ir import Container, EnvVar, Native, Value

__all__ = ["executor_kind", "read_container", "write_container"]

KINDS = {
    "container": "container",
    "importer": "importer",
    "resolver": "resolver",
    "customJob": "custom-job",
    "pipeline": "pipeline",  # our own: a part, which `couler run` starts
}
QUANTITIES = {
    "requests": {"cpu": "resourceCpuRequest", "memory": "resourceMemoryRequest"},
    "limits": {"cpu": "resourceCpuLimit", "memory": "resourceMemoryLimit"},
}


def executor_kind(executor: Mapped) -> str:
    """What kind of operation an executor is; `unknown` where it is none, or several, that we have heard of."""
    kinds = [kind for key, kind in KINDS.items() if key in executor]
    return kinds[0] if len(kinds) == 1 else "unknown"


def read_container(executor: Mapped, path: Path) -> tuple[Container | None, Mapped]:
    """The container of an executor, and what else there is of the executor."""
    if executor_kind(executor) != "container":
        return None, executor
    content = mapping(executor, "container", path)
    fields: dict[str, Any] = {}
    if isinstance(content.get("image"), str):
        fields["image"] = text(content["image"])
    for key in ("command", "args"):
        items = content.get(key)
        if isinstance(items, list) and items and all(isinstance(item, str) for item in items):
            fields[key] = tuple(map(text, items))
    if (env := _environment(content.get("env"))) is not None:
        fields["env"] = env
    remainder = without(content, *fields)
    if isinstance(content.get("resources"), dict):
        quantities, others = _quantities(content["resources"])
        fields.update(quantities)
        remainder = {**remainder, "resources": others} if others or not quantities else without(remainder, "resources")
    return Container(native_extra=rest_of(remainder), **fields), without(executor, "container")


def _environment(items: Any) -> tuple[EnvVar, ...] | None:
    if not isinstance(items, list) or not items:
        return None
    if not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in items):
        return None
    return tuple(EnvVar(name=item["name"], value=_variable(without(item, "name"))) for item in items)


def _variable(item: Mapped) -> Value:
    """The value of a variable, or (as a structure) everything that is said of it."""
    content = item.get("value")
    return text(content) if len(item) == 1 and isinstance(content, str) else structure(item)


def _quantities(resources: Mapped) -> tuple[dict[str, Any], Mapped]:
    """Requests and limits in Kubernetes' notation, and what else there is, such as accelerators."""
    quantities: dict[str, Any] = {}
    keys_read: list[str] = []
    for field, keys in QUANTITIES.items():
        strings = {name: key for name, key in keys.items() if isinstance(resources.get(key), str)}
        keys_read += strings.values()
        if strings:
            quantities[field] = tuple((name, text(resources[key])) for name, key in sorted(strings.items()))
    return quantities, without(resources, *keys_read)


def write_container(container: Container) -> Mapped:
    """The container of an executor.

    Raises:
        Unsupported: KFP cannot say what it is to be.
    """
    refuse_unsupported(container)
    written: Mapped = {}
    if container.image is not None:
        written["image"] = write_text(container.image)
    for key, items in (("command", container.command), ("args", container.args)):
        if items:
            written[key] = [write_text(item) for item in items]
    if container.env:
        written["env"] = [_write_variable(variable) for variable in container.env]
    resources: Mapped = {}
    for field, keys in QUANTITIES.items():
        for name, quantity in getattr(container, field):
            if name not in keys:
                raise unsupported(f"Container.{field}", name, "is no resource that KFP knows", "use cpu and memory")
            resources[keys[name]] = write_text(quantity)
    if resources:
        written["resources"] = resources
    return joined(written, write_structure(container.native_extra) if container.native_extra else {})


def _write_variable(variable: EnvVar) -> Mapped:
    value = variable.value
    content = write_structure(value) if isinstance(value, Native) else {"value": write_text(value)}
    return {"name": variable.name, **content}
