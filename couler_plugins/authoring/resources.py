"""Kubernetes' own resources as steps: what Argo calls a resource template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.operations import limits
from couler_plugins.authoring.values import CLOSE, OPEN, as_value
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal, Native, Operation, Output, Port, Reference, Template, fresh_name, references

__all__ = ["job_operation"]

ACTIONS = ("create", "apply", "get", "patch", "replace", "delete")
OUTPUTS = {"job-name": "{.metadata.name}", "job-id": "{.metadata.uid}"}


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
    if action not in ACTIONS:
        raise InvalidInput(f"{action!r} is no action", hint=f"one of {', '.join(ACTIONS)}")
    text = manifest if isinstance(manifest, str) else dump_yaml(manifest)
    _check(text)
    value = as_value(text, "the manifest")
    inputs: dict[Reference, str] = {}
    for reference in references(value):
        inputs.setdefault(reference, fresh_name("value", inputs.values()))
    said = {
        "action": action,
        **({"setOwnerReference": True} if owned and action == "create" else {}),
        **{key: text for key, text in zip(("successCondition", "failureCondition"), conditions, strict=True) if text},
    }
    attempts, seconds = limits(timeout, retry)
    return Operation(
        name="",
        kind="resource",
        inputs=tuple(Port(name=name, value=reference) for reference, name in inputs.items()),
        outputs=(
            *(Output(name=name, value=Native.of({"jsonPath": path})) for name, path in OUTPUTS.items()),
            Output(name="job-obj", value=Native.of({"jqFilter": "."})),
        ),
        retry=attempts,
        timeout=seconds,
        rest=_resource(said, value, inputs),
    )


def _check(text: str) -> None:
    try:
        documents = read(text.replace(OPEN, "_").replace(CLOSE, "_"), "<manifest>", max_bytes=len(text) * 4).documents
    except InvalidInput as error:
        raise InvalidInput(f"the manifest cannot be read: {error.message}", hint="give one resource as YAML") from error
    if len(documents) != 1 or not isinstance(documents[0].data, Mapping) or "kind" not in documents[0].data:
        raise InvalidInput("the manifest is not one resource with a kind", hint="give one resource as YAML")


def _resource(said: dict[str, Any], manifest: Any, inputs: Mapping[Reference, str]) -> Native:
    """The structure `{"resource": {…}}`, its manifest with references to the inputs."""
    pieces = manifest.parts if isinstance(manifest, Template) else (manifest,)
    texts = [piece.value if isinstance(piece, Literal) else piece for piece in pieces]
    before, behind = str(Native.of({"resource": {**said, "manifest": ""}}).parts[0]).rsplit('""', 1)
    parts: list[Any] = [f'{before}"']
    for piece in texts:
        if isinstance(piece, Reference):
            parts += [Reference(to="input", kind="parameter", name=inputs[piece]), ""]
        else:
            parts[-1] += str(Native.of(piece).parts[0])[1:-1]
    parts[-1] += f'"{behind}'
    return Native(parts=tuple(part for part in parts if part != ""))
