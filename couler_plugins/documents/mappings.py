"""Views of JSON-like data that may be anything: mappings under keys, and the mappings in lists."""

from __future__ import annotations

from typing import Any

Mapped = dict[str, Any]


def mapping_at(content: Any, *keys: Any) -> Mapped:
    """The mapping under these keys, one in the other; an empty one where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def entries(holder: Any, key: str) -> list[Mapped]:
    """The mappings in a list."""
    content = holder.get(key) if isinstance(holder, dict) else None
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []
