"""Paths into a document."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Path", "render"]

Path: TypeAlias = tuple[str | int, ...]
"""A place inside one document's data: mapping keys as `str`, list indexes as `int`; the root is `()`."""


def render(path: Path) -> str:
    """The path as a reader would write it.

    Example:
        >>> render(("spec", "templates", 2, "name"))
        'spec.templates[2].name'
    """
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in path]
    return "".join(parts).removeprefix(".")
