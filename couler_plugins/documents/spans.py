"""Paths into a document, and the spans of values in its text.

Cuts: pieces of a text and what takes their place.

Where lines, list items and comments begin and end in a text.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from couler_plugins.documents.events import BOM

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


class Place(NamedTuple):
    """A value in the text, and the collection that it is in (None for the root of a document)."""

    span: Span
    parent: Span | None

    @property
    def in_flow(self) -> bool:
        """Whether it stands inside of brackets."""
        return self.parent is not None and self.parent.flow


def line_break(text: str) -> str:
    """How most of the text's lines end."""
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


class Layout:
    """The lines of a text that ends with a line break.

    An *entry* is a key with its value, or a list item: what can be removed, moved or added in block style.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = line_break(text)
        self._first = 1 if text.startswith(BOM) else 0

    def line_start(self, at: int) -> int:
        """The offset of the first character of the line."""
        return max(self._first, self.text.rfind("\n", 0, at) + 1)

    def line_end(self, at: int) -> int:
        """The offset after the line's break; the end of the text where there is none."""
        return self.text.find("\n", at) + 1 or len(self.text)

    def line_stop(self, at: int) -> int:
        """The offset of the line's break."""
        return self.before_break(self.line_end(at))

    def before_break(self, end: int) -> int:
        """The offset of the line break that ends at `end`."""
        return end - (2 if self.text[end - 2 : end] == "\r\n" else 1)

    def column(self, at: int) -> int:
        """How many characters of the line come before."""
        return at - self.line_start(at)

    def alone(self, at: int) -> bool:
        """Whether only blanks come before it on its line."""
        return not self.text[self.line_start(at) : at].strip(" ")

    def entry_start(self, parent: Span, child: Span) -> int:
        """The offset of an entry's key or dash.

        Raises:
            CannotCut: there is none that could be cut at.
        """
        at = child.key_start if parent.kind == "mapping" else _dash_of(self.text, child, parent.column)
        if at < 0 or self.text[self.line_start(at) : at].rstrip().endswith("?"):
            raise CannotCut("an edit touches an entry that could not be found in the text")
        return at

    def indicator_end(self, child: Span, entry: int) -> int:
        """The offset after the colon or dash that an entry's value follows."""
        if child.key_start < 0:
            return entry + 1
        at = child.key_end
        while self.text[at : at + 1] in (" ", "\t"):
            at += 1
        if self.text[at : at + 1] != ":":
            raise CannotCut("an edit touches a key without a colon behind it")
        return at + 1

    def region_end(self, child: Span, entry: int) -> int:
        """The offset after an entry's last line and after the comments below it that are indented deeper than it."""
        column = self.column(entry)
        end = self.line_end(child.end)
        while (comment := self._comment_column(end)) is not None and comment > column:
            end = self.line_end(end)
        return end

    def region_start(self, entry: int, previous: Span | None) -> int:
        """The offset of an entry's first line, or of the comment block directly above it.

        The comments above the first entry of a collection speak of the collection, and are not its own.
        """
        start = self.line_start(entry)
        if previous is None:
            return start
        column = self.column(entry)
        floor = self.line_end(previous.end)
        while start > floor and self._comment_column(above := self.line_start(start - 1)) == column:
            start = above
        return start

    def blank_above(self, line_start: int) -> int:
        """The offset of the blank line directly above, or -1 where the line above holds something."""
        above = self.line_start(line_start - 1) if line_start > self._first else line_start
        return above if above < line_start and not self.text[above:line_start].strip() else -1

    def blank_or_end(self, line_start: int) -> bool:
        """Whether a line is blank, or the text ends before it."""
        return line_start == len(self.text) or not self.text[line_start : self.line_end(line_start)].strip()

    def comments(self, start: int, end: int) -> list[str]:
        """The comments on the whole lines between two offsets, without their indentation."""
        lines = (line.strip() for line in self.text[start:end].split("\n"))
        return [line for line in lines if line.startswith("#")]

    def _comment_column(self, line_start: int) -> int | None:
        """The column of the comment that a line consists of; None where it is no comment line."""
        at = line_start
        while self.text[at : at + 1] == " ":
            at += 1
        return at - line_start if self.text[at : at + 1] == "#" else None


def _dash_of(text: str, item: Span, column: int) -> int:
    """The offset of the `-` of an item of a block sequence whose dashes stand in `column`, or -1 if it is not found."""
    at = item.start - 1
    while at >= 0 and text[at] in " \t":
        at -= 1
    if at >= 0 and text[at] == "-":
        return at
    # The value stands on a later line than its dash; between them are comments and blank lines only.
    line_end = text.rfind("\n", 0, item.start)
    while line_end > 0:
        line_start = text.rfind("\n", 0, line_end) + 1
        line = text[line_start:line_end].strip()
        if line and not line.startswith("#"):
            at = line_start + column
            return at if text[at : at + 1] == "-" else -1
        line_end = line_start - 1
    return -1
