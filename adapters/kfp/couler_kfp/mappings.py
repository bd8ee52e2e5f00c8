"""JSON-like mappings: taken apart, and put together again."""

from __future__ import annotations

from typing import Any

from couler_kfp.structures import structure
from couler_plugins.documents import Path
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Native

Mapped = dict[str, Any]


def mapping(holder: Mapped, key: str, path: Path) -> Mapped:
    """The mapping under a key; empty where there is none.

    Raises:
        InvalidInput: there is something else; `path` is that of the holder.
    """
    content = holder.get(key, {})
    if not isinstance(content, dict):
        message = f"{key}: a mapping is expected here"
        raise InvalidInput(message, engine="kfp", path=(*path, key), hint="compile the pipeline again")
    return content


def rest_of(content: Mapped) -> Native | None:
    """What no field expresses; None where that is nothing."""
    return structure(content) if content else None
