"""What a wrapper looks at in a template, and what is its own there."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from couler_argo.spelling import write, write_native
from couler_plugins.ir import Container, Literal, Operation, Output

__all__ = [
    "FOLDER",
    "MOUNT",
    "OURS",
    "RESTORE",
    "SAVE",
    "VOLUME",
    "main_of",
    "mappings",
    "normal",
    "path_of",
    "rest_of",
]

VOLUME, FOLDER = "couler-cache", "/couler"
RESTORE, SAVE = "couler-restore", "couler-save"
MOUNT = {"name": VOLUME, "mountPath": FOLDER}
OURS = frozenset({VOLUME, RESTORE, SAVE})


def main_of(item: Operation) -> Container | None:
    """The one container of a template that its outputs come from; None where there is none or are several."""
    mains = [one for one in item.containers if one.role == "main"]
    return mains[0] if item.kind in ("container", "script") and len(mains) == 1 else None


def path_of(output: Output) -> str | None:
    """Where an output is, if that is the same in every run."""
    if output.kind == "artifact":
        path = output.path.value if isinstance(output.path, Literal) else None
    else:
        data = write(output.value) if output.value is not None else None
        path = data.get("path") if isinstance(data, dict) else None
    # Kubernetes would put a variable in the place of `$(…)` in an argument of ours.
    plain = isinstance(path, str) and path.startswith("/") and "{{" not in path and "$(" not in path
    return normal(str(path)) if plain else None


def normal(path: str) -> str | None:
    """A path without `//`, `.` and `..`; None for the root."""
    result = f"/{posixpath.normpath(path).lstrip('/')}"
    return result if result != "/" else None


def rest_of(node: Operation | Container) -> dict[str, Any]:
    """What a node says that is not lifted into typed fields; it may be changed."""
    data = write_native(node.native_extra) if node.native_extra is not None else {}
    return dict(data) if isinstance(data, dict) else {}


def mappings(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The mappings in a list."""
    content = holder.get(key)
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
