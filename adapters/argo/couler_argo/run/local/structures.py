"""Structures of Argo's own, as far as they are known before a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.ir import Native

__all__ = ["UNKNOWN", "data_of"]

UNKNOWN = "(only known at run time)"


def data_of(structure: Native | None) -> Mapping[str, Any]:
    """What a mapping holds, with a text in the place of each reference; empty where it is none."""
    if structure is None:
        return {}
    text = "".join(part if isinstance(part, str) else UNKNOWN for part in structure.parts)
    try:
        content = Native(parts=(text,)).data
    except ValueError:
        return {UNKNOWN: None}
    return content if isinstance(content, dict) else {}
