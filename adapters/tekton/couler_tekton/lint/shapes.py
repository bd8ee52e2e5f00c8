"""Whether objects are built as their kind is: each field is one that there is, and of its type.

Source: the Go types in `pkg/apis/pipeline/v1` and `v1beta1`, which `couler_tekton.lint.fields` and
`couler_tekton.lint.older` list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.crd.field_tables import kubernetes_fields
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.kinds import is_older
from couler_tekton.lint.fields import ANY, DURATION, FLAG, MAPPING, OBJECTS, QUANTITY, TEXT, WHOLE, Structure
from couler_tekton.lint.older import OLDER

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?\Z")
"""As Kubernetes writes amounts of memory and the like."""

FITS: dict[str, Callable[[Any], bool]] = {
    TEXT: lambda content: isinstance(content, str),
    FLAG: lambda content: isinstance(content, bool),
    WHOLE: lambda content: isinstance(content, int) and not isinstance(content, bool),
    QUANTITY: lambda content: (
        isinstance(content, (int, float, str)) and not isinstance(content, bool) and bool(NUMBER.match(str(content)))
    ),
    DURATION: lambda content: isinstance(content, str) and go_seconds(content) is not None,
    MAPPING: lambda content: isinstance(content, dict),
}
"""Whether a value is of a type."""
REFERENCES = (("taskRef",), ("pipelineRef",))
SHOWN = 12
"""How many fields a hint lists."""
PREBUILD_HINT = "if Konflux builds these, say --to 'tekton{prebuild=konflux}', or set `to` so in couler.toml"
METADATA = {
    **dict.fromkeys(kubernetes_fields().fields("ObjectMeta"), ANY),
    "name": TEXT,
    "generateName": TEXT,
    "annotations": {"*": TEXT},
}
FIELDS = {"apiVersion": TEXT, "kind": TEXT, "metadata": METADATA, "status": ANY}


def check_shape(kind: str, data: Any, report: Report, prebuild: str = "") -> bool:
    """Whether an object is built as its kind is; says what is not.

    Args:
        kind: the kind.
        data: the object.
        report: is told.
        prebuild: what makes the object ready before a cluster sees it; empty for nothing.
    """
    _check(_shape(kind, data), data, (), report, prebuild)
    if data.get("spec") is None:
        report.error("missing-field", (), f"this {kind} has no spec", "add it")
    return not any(remark.severity == "error" and remark.hint != PREBUILD_HINT for remark in report.remarks)


def without_nulls(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """An object whose shape was checked, as Go reads it: a null says nothing, and is something empty in a list.

    The names of fields are those that Go's decoder takes them for.
    """
    whole: dict[str, Any] = _without_nulls(_shape(kind, data), data)
    return whole


def _shape(kind: str, data: dict[str, Any]) -> Any:
    return {**FIELDS, "spec": (OLDER if is_older(kind, data.get("apiVersion")) else OBJECTS)[kind]}


def _without_nulls(shape: Any, content: Any) -> Any:
    if isinstance(shape, dict):
        named = {key if key in shape else _read_as(key, shape) or key: inner for key, inner in (content or {}).items()}
        shapes = {key: (shape.get(key, shape.get("*", ANY)), inner) for key, inner in named.items()}
        return {
            key: _without_nulls(inner, value)
            for key, (inner, value) in shapes.items()
            if value is not None or inner == ANY  # a value that is null is there
        }
    if isinstance(shape, list):
        return [_without_nulls(shape[0], inner) for inner in content]
    if content is None and shape != ANY:
        return {} if shape == MAPPING or isinstance(shape, Structure) else ""
    return content


def _read_as(key: str, shape: Collection[str]) -> str:
    """The field that Go's decoder takes this for: it does not look at the case."""
    return next((name for name in shape if name.lower() == key.lower()), "")


def _check(shape: Any, content: Any, path: Path, report: Report, prebuild: str) -> None:
    if content is None or shape == ANY:
        return
    if isinstance(shape, dict):
        if not isinstance(content, dict):
            _misfit(MAPPING, content, path, report)
            return
        for key, inner in content.items():
            inner_shape = shape.get(key, shape.get("*"))
            if inner_shape is not None:
                _check(inner_shape, inner, (*path, key), report, prebuild)
            elif key == "version" and path[-1:] in REFERENCES:
                _check_version(inner, (*path, key), report, prebuild)
            else:
                _say_unknown(key, shape, (*path, key), report)
    elif isinstance(shape, list):
        if not isinstance(content, list):
            _misfit("a list", content, path, report)
            return
        for number, inner in enumerate(content):
            _check(shape[0], inner, (*path, number), report, prebuild)
    elif isinstance(shape, Structure):
        if not isinstance(content, dict):
            _misfit(MAPPING, content, path, report)
        for misfit in kubernetes_fields().misfits(content, shape.name, path):
            _say_unknown(str(misfit.path[-1]), misfit.fields, misfit.path, report)
    elif not FITS[shape](content):
        _misfit(shape, content, path, report)


def _check_version(version: Any, path: Path, report: Report, prebuild: str) -> None:
    """What Konflux's build replaces by a bundle, and Tekton's API does not have."""
    _check(TEXT, version, path, report, prebuild)
    if not prebuild:
        message = "Tekton has no field 'version' in a reference: only a build such as Konflux's takes it"
        report.error("unknown-field", path, message, PREBUILD_HINT)


def _say_unknown(key: str, keys: Collection[str], path: Path, report: Report) -> None:
    if other := _read_as(key, keys):  # Go's decoder takes it, the API server does not everywhere
        message = f"{key!r} is read as {other!r} in embedded specs only"
        report.note("field-case", path, message, f"write {other}")
    else:
        longer = next((name for name in keys if name.endswith(key[:1].upper() + key[1:])), None)
        fields = f"the fields here are {', '.join(sorted(keys))}" if len(keys) <= SHOWN else "remove it"
        hint = f"did you mean {longer!r}?" if longer else report.meant(key, keys, fields)
        report.error("unknown-field", path, f"there is no field {key!r} here", hint)


def _misfit(wanted: str, content: Any, path: Path, report: Report) -> None:
    kind_read = {bool: "true or false", str: f"the text {content!r:.40}", dict: "a mapping", list: "a list"}
    quoted = wanted == TEXT and isinstance(content, (int, float))
    examples = {DURATION: "write it as in 1h30m", QUANTITY: "write it as in 500m or 2Gi"}
    hint = "put it into quotes" if quoted else examples.get(wanted, f"write {wanted}")
    message = f"{kind_read.get(type(content), 'a number')} stands where Tekton reads {wanted}"
    report.error("wrong-type", path, message, hint)
