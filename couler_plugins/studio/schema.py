"""The JSON schema of all messages of the studio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from couler_plugins.studio import messages, run_messages, state_messages

SCHEMA = "couler.studio/v0"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of all messages."""
    kinds = dict.fromkeys(kind for module in (state_messages, messages, run_messages) for kind in _messages(module))
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Messages of the studio ({SCHEMA})",
        "$defs": dict(sorted(parts.items())),
    }


def _messages(module: object) -> Iterator[type]:
    kinds = (kind for kind in vars(module).values() if isinstance(kind, type))
    yield from (kind for kind in kinds if issubclass(kind, state_messages.Message))
