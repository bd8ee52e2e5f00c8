"""What stands in manifests of Kubernetes beside all that the IR has words for: null means that nothing does."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, TypeVar

from couler_plugins.ir import (
    EnvVar,
    Expression,
    Literal,
    Native,
    Node,
    Port,
    Reference,
    Value,
    Workflow,
    rebuild,
    replace,
)

TOKEN = re.compile(r"\\u0000(\d+)\\u0000")
MARK = "\\u0000"
"""What stands, in JSON, around the number of a reference."""
TEXTS = ("annotations", "labels", "nodeSelector")
"""Mappings of texts: null in one of them is an empty text."""
EMPTY = ("arguments", "dependencies", "depends", "hooks", "inputs", "outputs", "params", "runAfter", "when")
"""What says nothing where it is empty."""
HOUSEKEEPING = (
    "archiveLogs",
    "artifactGC",
    "failedJobsHistoryLimit",
    "podGC",
    "successfulJobsHistoryLimit",
    "ttlStrategy",
    "workflowMetadata",
)
"""Fields of a workflow that say nothing of what is run."""
POD_FIELDS = frozenset(
    {
        "affinity",
        "automountServiceAccountToken",
        "dnsConfig",
        "dnsPolicy",
        "hostAliases",
        "hostNetwork",
        "imagePullSecrets",
        "nodeSelector",
        "priorityClassName",
        "schedulerName",
        "securityContext",
        "tolerations",
    }
)
"""Fields of pods that Argo's workflows and Tekton's runs say of all of theirs, alike."""

DEEPEST = 2
"""So many names of fields within each other are shown."""

T = TypeVar("T", bound=Node)


def without_nulls(value: T) -> T:
    """The same without what is null, for an engine that would take it for something.

    Lists keep theirs, and so does all that workflows compute with: a null among the items of a loop is an item.
    """
    return rebuild(value, _cleared)


def fields_of(native: Native | None) -> dict[str, Any]:
    """The fields of a structure, with tokens in place of references; none of what is no mapping."""
    data: Any = to_data(native)[0] if native is not None else {}
    return data if isinstance(data, dict) else {}


def raw_text(origin: Native | None) -> str | None:
    """Return the text that an artifact is made of; None for one that comes from elsewhere, or from the run."""
    match fields_of(origin):
        case {"raw": {"data": str(text)}, **others} if not others and "\0" not in text:
            return text
    return None


def computed(native: Native | None) -> list[str]:
    """Return the fields of a structure that hold what is only known at run time; of a manifest, those of its spec."""
    spec, prefix = fields_of(native), ""
    for key in ("spec", "workflowSpec"):
        if isinstance(spec.get(key), dict) and MARK in json.dumps(spec[key]):
            spec, prefix = spec[key], f"{prefix}{key}."
    return sorted(f"{prefix}{key}" for key, content in spec.items() if MARK in json.dumps(content))


def names_in(rest: Native | None) -> str:
    """Return the names of the fields of a structure; of a single one, with those of what is in it."""
    data: Any = fields_of(rest)
    path: list[str] = []
    while isinstance(data, dict) and len(data) == 1 and len(path) < DEEPEST:
        ((key, data),) = data.items()
        path.append(key)
    return ".".join(path) or ", ".join(data)


def beyond(rest: Native | None) -> str:
    """What only its engine knows of a step, as the rest of a sentence that refuses it: the names of the fields."""
    return f"has {names_in(rest)}, which means nothing outside of its engine"


def unsaid(workflow: Workflow, carried: Collection[str] = ()) -> list[str]:
    """Return the fields of a manifest that mean something, beside its metadata and what is carried of its spec.

    A schedule and what is around it are no fields of what is run.
    """
    rest = {} if workflow.kind == "CronWorkflow" else fields_of(workflow.native_extra)
    spec = rest.pop("spec", {}).keys() - {*HOUSEKEEPING, *carried}
    return sorted([*(rest.keys() - {"metadata"}), *(f"spec.{key}" for key in spec)])


def _cleared(node: Node) -> Node:
    match node:
        case EnvVar(value=Literal(value=None)):
            return replace(node, value=Literal(value=""))
        case EnvVar(value=Native() as source):
            return replace(node, value=_variable(source))
        case Port():
            node = replace(node, value=_held(node.value), default=_held(node.default))
    rest = getattr(node, "native_extra", None)
    if isinstance(rest, Native):
        return replace(node, native_extra=_without(rest))
    return node


def _variable(source: Native) -> Value:
    remainder = _without(source)
    if remainder is None:
        return Literal(value="")
    if any(not isinstance(part, str) for part in remainder.parts) or remainder.data.keys() != {"value"}:
        return remainder
    return Literal(value=remainder.data["value"])


def _held(value: Value | None) -> Value | None:
    return None if value == Literal(value=None) else value


def _without(native: Native) -> Native | None:
    """A structure without its nulls; None where nothing is left of it."""
    data, references_inside = to_data(native)
    remainder = {key: inner for key, inner in _kept(data).items() if inner or key not in EMPTY}
    return native if remainder == data else from_data(remainder, references_inside)


def without_field(native: Native | None, field: str) -> Native | None:
    """Return a structure without a field, wherever it stands; None where nothing is left of it.

    Args:
        native: the structure.
        field: its name, with those of what it is in before it (`spec.podGC`), or with some of them.
    """
    if native is None:
        return None
    data, references_inside = to_data(native)
    remainder = _pruned(data, tuple(field.split(".")))
    return native if remainder == data else from_data(remainder, references_inside)


def only_field(native: Native | None, outer: str, inner: str) -> Native | None:
    """Return a structure that has, in place of one of its fields, what a field within that holds."""
    if native is None:
        return None
    data, references_inside = to_data(native)
    content = data.get(outer, {}).get(inner)
    remainder = {key: content if key == outer else value for key, value in data.items() if key != outer or content}
    return from_data(remainder, references_inside)


def _pruned(data: Any, keys: tuple[str, ...]) -> Any:
    """Return data without what stands under these keys; else without what does below its other keys."""
    if not isinstance(data, dict):
        return data
    if _holds(data, keys):
        rest = {} if len(keys) == 1 else _pruned(data[keys[0]], keys[1:])
        return {key: rest if key == keys[0] else inner for key, inner in data.items() if rest or key != keys[0]}
    return {key: _pruned(inner, keys) for key, inner in data.items()}


def _holds(data: Any, keys: tuple[str, ...]) -> bool:
    return not keys or (isinstance(data, dict) and keys[0] in data and _holds(data[keys[0]], keys[1:]))


def from_data(remainder: Any, references_inside: list[Reference | Expression]) -> Native | None:
    """Return data with references in place of their tokens; the reverse of `to_data`."""
    pieces = TOKEN.split(json.dumps(remainder, ensure_ascii=False, separators=(",", ":")))
    parts = tuple(
        references_inside[int(piece)] if number % 2 else piece for number, piece in enumerate(pieces) if piece
    )
    return Native(parts=parts) if remainder else None


def to_data(native: Native) -> tuple[dict[str, Any], list[Reference | Expression]]:
    """A structure as data, with a token in place of each reference, and these."""
    references_inside: list[Reference | Expression] = []
    text = ""
    for part in native.parts:
        if isinstance(part, str):
            text += part
        else:
            text += f"\\u0000{len(references_inside)}\\u0000"
            references_inside.append(part)
    return json.loads(text), references_inside


def _kept(data: Any, key: str = "") -> Any:
    match data:
        case dict():
            filled = {name: "" if inner is None and key in TEXTS else inner for name, inner in data.items()}
            return {name: _kept(inner, name) for name, inner in filled.items() if inner is not None}
        case list():
            return [_kept(inner) for inner in data]
    return data
