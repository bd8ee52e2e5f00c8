"""Steps that create a Kubernetes resource and wait for it: what Argo calls a resource template.

Source: Argo's docs/walk-through/kubernetes-resources.md and docs/variables.md (`toJson`), and its
workflow/executor/resource.go: a failure condition fails the step if any of its parts holds, a success condition holds
if all of its parts do; each part compares one field (`status.succeeded > 0`), or asks whether it is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.engine_kit.legalize.values import joined
from couler_plugins.ir import Expression, Literal, Native, Node, Operation, Output, Port, Reference, Template

JOB_OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "job-name": {"jsonPath": "{.metadata.name}"},
    "job-id": {"jsonPath": "{.metadata.uid}"},
    "job-obj": {"jqFilter": "."},
}
"""What every resource gives once it has succeeded, and how that is read of it."""


def job_operation(
    manifest: Literal | Template,
    *,
    name: str = "",
    action: str = "create",
    success: str = "",
    failure: str = "",
    owned: bool = True,
    inputs: tuple[Port, ...] = (),
    outputs: Mapping[str, Mapping[str, str]] = JOB_OUTPUTS,
) -> Operation:
    """The operation that hands a resource to Kubernetes.

    Args:
        manifest: the resource as YAML or JSON; it may refer to the inputs.
        name: of the operation.
        action: as for kubectl.
        success, failure: conditions, as Argo reads them; without one of success it is not waited for.
        owned: whether the resource goes when the workflow does; for one that is created.
        inputs: what the manifest refers to.
        outputs: what is read of the resource at the end, by name: a `jsonPath` or a `jqFilter`.
    """
    said = {
        "action": action,
        **({"setOwnerReference": True} if owned and action == "create" else {}),
        **{key: text for key, text in (("successCondition", success), ("failureCondition", failure)) if text},
    }
    before, behind = json.dumps({"resource": {**said, "manifest": ""}}, ensure_ascii=False).rsplit('""', 1)
    return Operation(
        name=name,
        kind="resource",
        inputs=inputs,
        outputs=tuple(Output(name=key, value=Native.of(dict(how))) for key, how in outputs.items()),
        native_extra=Native(parts=joined((f'{before}"', *_escaped(manifest), f'"{behind}'))),
    )


def manifest_of(data: Any) -> Literal | Template:
    """A resource as JSON; its texts may be values that are known at run time only, and these cannot end a text.

    Args:
        data: mappings and lists of scalars and values.
    """
    parts = joined(_written(data))
    return Literal(value=str(parts[0])) if len(parts) == 1 and isinstance(parts[0], str) else Template(parts=parts)


def _written(data: Any) -> Iterator[Any]:
    match data:
        case Literal():
            yield _scalar(data.value)
        case Expression():
            yield data
        case Reference():
            yield Expression(language="expr", parts=("toJson(", data, ")"))
        case Template():
            yield Expression(language="expr", parts=joined(("toJson(", *_sum(data), ")")))
        case Mapping():
            yield "{"
            for number, (key, value) in enumerate(data.items()):
                yield f"{', ' if number else ''}{_scalar(key)}: "
                yield from _written(value)
            yield "}"
        case list() | tuple():
            yield "["
            for number, value in enumerate(data):
                yield ", " if number else ""
                yield from _written(value)
            yield "]"
        case _:
            yield _scalar(data)


def _scalar(value: Any) -> str:
    """A scalar as JSON; no text in it is a tag to Argo."""
    return json.dumps(value, ensure_ascii=False).replace("{{", "{\\u007b")


def _sum(template: Template) -> Iterator[Any]:
    """The parts of a text, put together by Argo's expression language."""
    for number, part in enumerate(template.parts):
        yield " + " if number else ""
        yield part if isinstance(part, Node) else "'" + part.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escaped(manifest: Literal | Template) -> Iterator[Any]:
    """The pieces of a manifest, as a JSON text has them."""
    for piece in (str(manifest.value),) if isinstance(manifest, Literal) else manifest.parts:
        yield json.dumps(piece, ensure_ascii=False)[1:-1] if isinstance(piece, str) else piece
