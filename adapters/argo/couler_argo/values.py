"""Small readers and writers that the tables share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from couler_argo.codec import Context, Field, Mapped
from couler_argo.references import native, value
from couler_argo.spelling import write
from couler_plugins.ir import Native


def scalar(name: str, key: str) -> Field:
    """A field that holds one string or number."""

    def read(mapping: Mapped, context: Context) -> tuple[Any, Mapped]:
        content = mapping[key]
        if content is None or isinstance(content, (dict, list)):
            return None, {key: content}
        return value(content), {}

    return Field(name, (key,), read, lambda node, context: {key: write(node, context.scope)})


def structure(name: str, key: str) -> Field:
    """A field that keeps Argo's own structure."""

    def read(mapping: Mapped, context: Context) -> tuple[Native | None, Mapped]:
        content = mapping[key]
        return (None, {key: None}) if content is None else (native(content), {})

    return Field(name, (key,), read, lambda node, context: {key: write(node, context.scope)})


def flag(name: str, key: str) -> Field:
    """A boolean that is False where it is not given."""

    def read(mapping: Mapped, context: Context) -> tuple[bool | None, Mapped]:
        return (True, {}) if mapping[key] is True else (None, {key: mapping[key]})

    return Field(name, (key,), read, lambda node, context: {key: True} if node else {})


def text_list(name: str, key: str) -> Field:
    """A list of strings."""

    def read(mapping: Mapped, context: Context) -> tuple[Any, Mapped]:
        content = mapping[key]
        if isinstance(content, list) and content and all(isinstance(item, str) for item in content):
            return tuple(value(item) for item in content), {}
        return None, {key: content}

    return Field(name, (key,), read, lambda node, context: {key: [write(item, context.scope) for item in node]})


def mappings(content: Any, accept: Callable[[Mapped], bool]) -> TypeGuard[list[Mapped]]:
    """Whether `content` is a list (not empty) of mappings that are all accepted."""
    return (
        isinstance(content, list) and bool(content) and all(isinstance(item, dict) and accept(item) for item in content)
    )
