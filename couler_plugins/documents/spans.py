"""Paths into a document, and the spans of values in its text.

Cuts: pieces of a text and what takes their place.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Literal, NamedTuple, TypeAlias

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


class CannotCut(Exception):
    """The text cannot be edited in place; the message says why."""


class Cut(NamedTuple):
    """The characters from `start` to before `end` give way to `text`; equal offsets make it an insertion."""

    start: int
    end: int
    text: str


def also(cuts: list[Cut], insertion: Cut | None, start: int, end: int) -> list[Cut]:
    """The cuts and one insertion, if that is between two offsets and in text that the cuts leave."""
    if insertion is None or not start <= insertion.start <= end:
        return cuts
    is_cut = any(cut.start <= insertion.start < cut.end for cut in cuts)
    return cuts if is_cut else [*cuts, insertion]


def apply(text: str, cuts: Iterable[Cut], start: int, end: int) -> str:
    """The part of the text between two offsets, with the cuts carried out; insertions at one place keep their order.

    What is inserted at a place comes before what is cut there.

    Raises:
        CannotCut: two cuts overlap, or one reaches out of the part.
    """
    pieces = []
    at = start
    for cut in sorted(cuts, key=itemgetter(0, 1)):
        if cut.start < at or cut.end > end:
            raise CannotCut("two edits touch the same piece of text")
        pieces += [text[at : cut.start], cut.text]
        at = cut.end
    return "".join([*pieces, text[at:end]])
