"""Results that are known before a run, as KFP says them: constants, and importers of artifacts.

What a record says is checked against what the component declares. An address goes into the document as it is, and is
never looked at here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from couler_kfp.structures import write_structure
from couler_plugins.caching.known import KnownArtifact
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Call, Literal, Native, Operation, Output, Step, Value

IMPORTED = re.compile(r"comp-known-[0-9a-f]{32}-.+\Z")
"""The names of components that import what is known by its key: it does not change at its place."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+|/\S+")
INTEGRAL = "NUMBER_INTEGER"
TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    INTEGRAL: (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


def constant(output: Output, value: Any) -> Value | Objection:
    """A value of an output parameter as a constant; the objection where it is not what the component declares."""
    declared = str(_definition(output).get("parameterType"))
    types = TYPES.get(declared, ())
    fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if not fits or (declared == INTEGRAL and value % 1):
        reason = f"its output {output.name!r} is recorded as {type(value).__name__}, and declared as {declared}"
        return Objection("known", reason, "storage")
    if "{{$" in json.dumps(value):
        return Objection("known", f"its output {output.name!r} would be taken for a placeholder", "storage")
    if isinstance(value, (list, dict)):
        return Native.of({"constant": value})
    return Literal(value=int(value) if declared == INTEGRAL else value)


def imported(wanted: str, output: Output, artifact: KnownArtifact, key: str) -> tuple[Step, Operation] | Objection:
    """The importer of an artifact, and the task that calls it.

    Args:
        wanted: the name of the task.
        output: what the artifact is an output of.
        artifact: where it is.
        key: of the result that it belongs to.
    """
    if not ADDRESS.fullmatch(artifact.uri) or not artifact.uri.isprintable() or "{{$" in artifact.uri:
        return Objection("known", f"its output {output.name!r} is recorded at no address", "storage")
    if "{{$" in json.dumps(artifact.metadata):
        return Objection("known", f"the metadata of its output {output.name!r} has a placeholder in it", "storage")
    definition = _definition(output)
    schema = definition.get("artifactType")
    if not isinstance(schema, dict) or definition.get("isArtifactList"):
        return Objection("known", f"its output {output.name!r} is no single artifact with a type", "storage")
    importer = {
        "artifactUri": {"constant": artifact.uri},
        "typeSchema": schema,
        **({"metadata": artifact.metadata} if artifact.metadata else {}),
    }
    operation = Operation(
        name=f"comp-known-{key[:32]}-{_name(output.name)}",
        kind="importer",
        outputs=(Output(name="artifact", kind="artifact", native_extra=Native.of({"artifactType": schema})),),
        native_extra=Native.of({"executor": {"importer": importer}}),
    )
    return Step(name=_name(wanted), call=Call(name=operation.name)), operation


def _name(text: str) -> str:
    """A text as the SDK's compiler would make a name of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "output"


def _definition(output: Output) -> dict[str, Any]:
    held: dict[str, Any] = write_structure(output.native_extra) if output.native_extra is not None else {}
    return held
