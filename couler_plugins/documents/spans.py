"""Paths into a document, and the spans of values in its text."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

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


Kind = Literal["scalar", "mapping", "sequence", "alias"]

_NO_CHILDREN: dict[str | int, Span] = {}
"""Shared by all scalars: an empty mapping each would be a fifth of the memory."""


def _no_children() -> dict[str | int, Span]:
    return _NO_CHILDREN


class Span(msgspec.Struct, eq=False):
    """The place of one value in the text.

    Args:
        start, end: the offsets of its first character (an anchor or tag included) and after its last one.
        column: how many characters of its line come before `start`.
        kind: what stands there.
        style: a scalar's quoting: `""` (plain), `'`, `"`, `|` or `>`; `""` for the rest.
        flow: whether it is a collection in brackets, or stands within one.
        marked: whether it carries an anchor, or (a mapping) takes in others by `<<` or sets a key twice.
        tagged: whether it carries a tag.
        key_start, key_end: the offsets of the key, for a value of a mapping, else -1.
        children: the values inside, by key or in order. A value that came in by `<<` is not among them.
    """

    start: int
    end: int
    column: int
    kind: Kind
    style: str = ""
    flow: bool = False
    marked: bool = False
    tagged: bool = False
    key_start: int = -1
    key_end: int = -1
    children: dict[str | int, Span] = msgspec.field(default_factory=_no_children)

    def find(self, path: Path) -> tuple[Span, int]:
        """The innermost span on the way to `path`, and how many of the path's steps it is from here."""
        span = self
        for depth, key in enumerate(path):
            inner = span.children.get(key)
            if inner is None:
                return span, depth
            span = inner
        return span, len(path)


class DocumentSpan(msgspec.Struct, eq=False):
    """The place of one document in the text.

    Args:
        start: the offset of its first character: its `---` or directive, or its first content where it has neither.
        content_start: the offset after its `---`, or `start`.
        root: the place of its data.
        last: the place of the last scalar or alias in it.
        mapping_steps: how much deeper a mapping stands than the mapping that it is a value in: how often each.
        sequence_steps: the same for lists in mappings.
    """

    start: int
    content_start: int
    root: Span
    last: Span
    mapping_steps: dict[int, int] = msgspec.field(default_factory=dict)
    sequence_steps: dict[int, int] = msgspec.field(default_factory=dict)
