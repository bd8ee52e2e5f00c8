"""Steps and sidecars of a task, and the container of a StepAction.

Source: `pkg/apis/pipeline/v1/container_types.go` (Step, Sidecar), `v1beta1/stepaction_types.go`.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from typing import Literal as OneOf

from couler_plugins.documents.mappings import Mapped, joined, without, without_empty
from couler_plugins.engine_kit.structures import read_environment, write_environment
from couler_plugins.ir import Container, Native, Value
from couler_tekton.variables import Scope, refuse_unsupported, unsupported, write_text, write_value

STEP_FIELDS = ("image", "command", "args", "script", "env", "workingDir", "securityContext", "volumeMounts")
"""What a StepAction says of its container."""

RESOURCES = "computeResources"
QUANTITIES = ("requests", "limits")


def read_container(item: Mapped, role: OneOf["main", "sidecar"], scope: Scope) -> Container:
    """One step or sidecar."""
    fields: dict[str, Any] = {}
    if isinstance(item.get("name"), str) and item["name"]:
        fields["name"] = item["name"]
    for key in ("image", "script"):
        if isinstance(item.get(key), str):
            fields[key] = scope.value(item[key])
    for key in ("command", "args"):
        words = item.get(key)
        if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
            fields[key] = tuple(scope.value(word) for word in words)
    if environment := read_environment(item.get("env"), partial(_variable, scope=scope)):
        fields["env"] = environment
    remainder = without(item, *fields)
    if isinstance(item.get(RESOURCES), dict):
        quantities = {key: item[RESOURCES][key] for key in QUANTITIES if _is_quantities(item[RESOURCES].get(key))}
        for key, amounts in quantities.items():
            fields[key] = tuple((name, scope.value(amount)) for name, amount in sorted(amounts.items()))
        others = without(item[RESOURCES], *quantities)
        remainder = {**remainder, RESOURCES: others} if others or not quantities else without(remainder, RESOURCES)
    return Container(role=role, native_extra=scope.rest(remainder), **fields)


def _is_quantities(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(held, (str, int, float)) for held in content.values())
    )


def _variable(item: Mapped, scope: Scope) -> Value:
    """The value of a variable, or (as a structure) everything that is said of it."""
    plain = item.keys() == {"value"} and isinstance(item["value"], str)
    return scope.value(item["value"]) if plain else scope.structure(item)


def write_container(container: Container) -> Mapped:
    """One step or sidecar.

    Raises:
        Unsupported: Tekton cannot say what it is to be.
    """
    refuse_unsupported(container)
    if container.role == "init":
        raise unsupported("Container.role", container.name, "is to run before the others", "make it the first step")
    amounts = {key: {name: write_value(amount) for name, amount in getattr(container, key)} for key in QUANTITIES}
    written = {
        "name": container.name or None,
        "image": None if container.image is None else write_text(container.image),
        "script": None if container.script is None else write_text(container.script),
        "command": [write_text(word) for word in container.command],
        "args": [write_text(word) for word in container.args],
        "env": write_environment(container.env, _write_variable),
        RESOURCES: without_empty(amounts),
    }
    return joined(without_empty(written), write_value(container.native_extra) if container.native_extra else {})


def _write_variable(value: Value) -> Any:
    return write_value(value) if isinstance(value, Native) else write_text(value)
