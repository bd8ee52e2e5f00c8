"""Existing text for values that were moved or cloned from elsewhere in the document."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from couler_plugins.documents.changes import arrange
from couler_plugins.documents.cuts import CannotCut, Cut, also, apply
from couler_plugins.documents.cutting import Cutter
from couler_plugins.documents.diff import Edit, diff
from couler_plugins.documents.emitter import Borrow, Borrowed, Indentation
from couler_plugins.documents.layout import Layout, Place
from couler_plugins.documents.spans import Path, Span


class TextReuse:
    """Lends the text of old values to new ones.

    Args:
        layout: the text.
        indentation: the document's habits.
        root: the document's place in the text.
        data: the old document.
        removed: the paths that are removed or replaced: what came from there was moved, not cloned.
        strip: an insertion that every copy of the text around it needs.
    """

    def __init__(
        self,
        layout: Layout,
        indentation: Indentation,
        root: Span,
        data: Any,
        removed: Collection[Path],
        strip: Cut | None,
    ) -> None:
        self._layout = layout
        self._indentation = indentation
        self._root = root
        self._data = data
        self._removed = removed
        self._strip = strip
        self._neighbours: dict[int, dict[str | int, Span]] = {}

    def of(self, edits: Iterable[Edit]) -> Borrow | None:
        """Where the text for the values in additions comes from; None where all of it is new."""
        origins: dict[int, Path] = {}
        for edit in edits:
            if edit.origin is not None:
                origins[id(edit.new)] = edit.origin
            for inner, origin in edit.parts:
                origins[id(_value(edit.new, inner))] = origin
        if not origins:
            return None

        def borrow(value: Any) -> Borrowed | None:
            origin = origins.get(id(value))
            if origin is None:
                return None
            try:
                return self._borrow(origin, value)
            except CannotCut:
                return None

        return borrow

    def _borrow(self, origin: Path, new: Any) -> Borrowed | None:
        place = self._place(origin)
        old = _value(self._data, origin)
        change = arrange(diff(old, new))
        if not isinstance(old, dict | list) or not old or change.replace is not None:
            return None
        cutter = Cutter(self._layout, self._indentation, lambda _: None)
        cutter.carry_out(change, place, new)
        lead = self._comments_above(origin) if self._moved(origin) else []
        if place.span.flow:
            return self._from_flow(place, cutter, lead)
        return self._from_block(place, cutter, lead)

    def _from_flow(self, place: Place, cutter: Cutter, lead: list[str]) -> Borrowed:
        span = place.span
        end = span.end if place.in_flow else self._layout.line_stop(span.end)
        text = apply(self._layout.text, cutter.cuts, span.start, end)
        return Borrowed(lead, _dedented(text, self._layout.column(span.start)), inline=True)

    def _from_block(self, place: Place, cutter: Cutter, lead: list[str]) -> Borrowed:
        layout, span = self._layout, place.span
        assert place.parent
        entry = layout.entry_start(place.parent, span)
        first = layout.entry_start(span, next(iter(span.children.values())))
        start = first
        if layout.alone(first):
            start = layout.line_start(first)
            lead = [*lead, *_comments_between(layout.text[layout.indicator_end(span, entry) : start])]
        column = layout.column(first)
        end = layout.region_end(span, entry)
        text = apply(layout.text, also(cutter.cuts, self._strip, start, end), start, end)
        lines = _dedented(text.removeprefix(" " * column) if start != first else text, column)
        return Borrowed(lead, lines[:-1], inline=False)

    def _place(self, path: Path) -> Place:
        parent, span = None, self._root
        for key in path:
            if span.marked or key not in span.children:
                raise CannotCut("an origin is behind an anchor, an alias or a merge key")
            parent, span = span, span.children[key]
        if parent is None:
            raise CannotCut("a whole document is no entry")
        return Place(span, parent)

    def _comments_above(self, path: Path) -> list[str]:
        place = self._place(path)
        if place.in_flow or place.parent is None:
            return []
        entry = self._layout.entry_start(place.parent, place.span)
        start = self._layout.region_start(entry, self._previous(place.parent, path[-1]))
        return self._layout.comments(start, self._layout.line_start(entry))

    def _previous(self, parent: Span, key: str | int) -> Span | None:
        if isinstance(key, int):
            return parent.children.get(key - 1)
        neighbours = self._neighbours.get(id(parent))
        if neighbours is None:
            neighbours = self._neighbours[id(parent)] = dict(
                zip(list(parent.children)[1:], parent.children.values(), strict=False)
            )
        return neighbours.get(key)

    def _moved(self, path: Path) -> bool:
        return any(path[:length] in self._removed for length in range(1, len(path) + 1))


def _value(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def _comments_between(text: str) -> list[str]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not all(line.startswith("#") for line in lines):
        raise CannotCut("something other than comments stands between a key and its value")
    return lines


def _dedented(text: str, column: int) -> list[str]:
    """The lines of a text, all but the first one without the blanks of the first columns."""
    first, *others = text.replace("\r\n", "\n").split("\n")
    return [first, *(line[min(column, len(line) - len(line.lstrip(" "))) :] for line in others)]
