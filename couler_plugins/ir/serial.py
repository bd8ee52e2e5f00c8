"""The JSON form of a workflow, version `v1`: no sources, no native spellings, mappings sorted.

Programs in other languages write it, so the version changes with the schema, and a test holds both together.
"""

from __future__ import annotations

from typing import Any

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import needs, ports, values, workflow
from couler_plugins.ir.descriptions import describe_fields
from couler_plugins.ir.walk import without_origin
from couler_plugins.ir.workflow import Workflow

SCHEMA = "couler.ir/v1"
READABLE = frozenset({SCHEMA, "couler.ir/v0"})
"""The versions that are read: the fields of `v0` are those of `v1`, which promises them."""


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"schema_name": "schema"}):
    """What a file holds: the schema's name and one workflow."""

    schema_name: str
    workflow: Workflow


def to_json(workflow: Workflow) -> bytes:
    """The workflow as JSON (UTF-8, indented by two); equal workflows give equal bytes."""
    envelope = Envelope(schema_name=SCHEMA, workflow=without_origin(workflow))
    return msgspec.json.format(msgspec.json.encode(envelope), indent=2) + b"\n"


def from_json(data: bytes | str) -> Workflow:
    """Reads what `to_json` wrote. The workflow has no origin: it lowers as wholly generated.

    Raises:
        InvalidInput: it is no JSON, has another schema, or a field that this version does not know.
    """
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # what is quoted of the file never moves a terminal's cursor
        said = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(error))
        hint = "the schema couler.ir-v1.json has all fields; in Python, couler_plugins.ir.to_json writes them"
        raise InvalidInput(f"not a workflow in {SCHEMA}: {said}", path=_place(str(error)), hint=hint) from error
    if envelope.schema_name not in READABLE:
        hint = "write it anew with this version"
        raise InvalidInput(f"the schema is {envelope.schema_name!r}, this version reads {SCHEMA!r}", hint=hint)
    return envelope.workflow


def _place(message: str) -> tuple[str, ...]:
    """How far an error says where it is: it names fields, and does not count."""
    _, _, path = message.partition("at `$.")
    return tuple(path.partition("[")[0].rstrip("`").split(".")) if path else ()


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of what `to_json` writes."""
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Envelope)))
    definition = schema["$defs"]["Envelope"]
    definition["properties"]["schema"]["const"] = SCHEMA
    for item in schema["$defs"].values():
        for hidden in ("source", "native"):
            item.get("properties", {}).pop(hidden, None)
    describe_fields(schema["$defs"], (values, needs, ports, workflow))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"A workflow ({SCHEMA})", **schema}
