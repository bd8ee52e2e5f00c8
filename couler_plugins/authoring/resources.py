"""Kubernetes' own resources as steps: what Argo calls a resource template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.checks import checked_flag, checked_mapping, checked_text
from couler_plugins.authoring.operations import limits
from couler_plugins.authoring.places import shown
from couler_plugins.authoring.values import CLOSE, OPEN, RunValue, as_value
from couler_plugins.documents import dump_yaml, read
from couler_plugins.engine_kit.legalize import jobs as portable
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import (
    Literal,
    Operation,
    Port,
    Reference,
    Template,
    Value,
    fresh_name,
    map_references,
    references,
    replace,
)

ACTIONS = ("create", "apply", "get", "patch", "replace", "delete")


def job_operation(
    manifest: str | Mapping[str, Any],
    action: str,
    conditions: tuple[str, str],
    owned: bool,
    timeout: int | None,
    retry: int | None,
) -> Operation:
    """The operation of `couler_plugins.authoring.steps.run_job`.

    Raises:
        InvalidInput: the manifest is none, or the action is unknown.
    """
    if action not in list(ACTIONS):
        raise InvalidInput(f"{shown(action)} is no action", hint=f"one of {', '.join(ACTIONS)}")
    for name, condition in zip(("success_condition", "failure_condition"), conditions, strict=True):
        checked_text(condition, name, 'give a text, such as "status.succeeded > 0"', empty=True)
    text = manifest if isinstance(manifest, str) else _dumped(manifest)
    _check(text)
    value = as_value(text, "the manifest")
    inputs: dict[Reference, str] = {}
    for reference in references(value):
        inputs.setdefault(reference, fresh_name("value", inputs.values()))
    attempts, seconds = limits(timeout, retry)
    operation = portable.job_operation(
        _of_inputs(value, inputs),
        action=action,
        success=conditions[0],
        failure=conditions[1],
        owned=checked_flag(owned, "set_owner_reference"),
        inputs=tuple(Port(name=name, value=reference) for reference, name in inputs.items()),
    )
    return replace(operation, retry=attempts, timeout=seconds)


def _dumped(manifest: object) -> str:
    """The resource as YAML; what is only known at run time stands in its texts."""
    hint = "give a resource as a mapping, or its YAML"

    def written(data: Any) -> Any:
        match data:
            case RunValue():
                return str(data)
            case Mapping():
                return {key: written(value) for key, value in data.items()}
            case list() | tuple():
                return [written(item) for item in data]
        return data

    try:
        return dump_yaml(written(checked_mapping(manifest, "the manifest", hint)))
    except (CoulerError, RecursionError) as error:
        raise InvalidInput(f"the manifest cannot be written: {getattr(error, 'message', error)}", hint=hint) from error


def _check(text: str) -> None:
    try:
        documents = read(text.replace(OPEN, "_").replace(CLOSE, "_"), "<manifest>", max_bytes=len(text) * 4).documents
    except InvalidInput as error:
        raise InvalidInput(f"the manifest cannot be read: {error.message}", hint="give one resource as YAML") from error
    if len(documents) != 1 or not isinstance(documents[0].data, Mapping) or "kind" not in documents[0].data:
        raise InvalidInput("the manifest is not one resource with a kind", hint="give one resource as YAML")


def _of_inputs(value: Value, inputs: Mapping[Reference, str]) -> Literal | Template:
    """The manifest with references to the inputs in place of what these hold."""
    changed = map_references(value, lambda item: Reference(to="input", kind="parameter", name=inputs[item]))
    assert isinstance(changed, (Literal, Template)), "a text with a kind in it is no reference"
    return changed
