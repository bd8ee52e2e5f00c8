"""Existing text for values that were moved or cloned from elsewhere in the document.

Turns the changes of a document into cuts of its text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import pairwise
from typing import Any

from couler_plugins.documents.diff import Change, Edit, arrange, diff
from couler_plugins.documents.emitter import Borrow, Borrowed, Emitter, Indentation, brackets, flow_entry
from couler_plugins.documents.entries import entry_cuts
from couler_plugins.documents.mappings import part_at
from couler_plugins.documents.replacing import replacement
from couler_plugins.documents.spans import CannotCut, Cut, Layout, Path, Place, Span, also, apply


class Cutter:
    """Collects the cuts that carry out changes.

    Args:
        layout: the text.
        indentation: the document's habits.
        lender: gives, for additions, what finds existing text for the values in them.
    """

    def __init__(
        self, layout: Layout, indentation: Indentation, lender: Callable[[Iterable[Edit]], Borrow | None]
    ) -> None:
        self.cuts: list[Cut] = []
        self._layout = layout
        self._indentation = indentation
        self._lender = lender

    def carry_out(self, change: Change, place: Place, new: Any) -> None:
        """Cuts the text so that the value at `place` becomes `new`, where `change` says what differs.

        Raises:
            CannotCut: the text does not allow it.
        """
        span = place.span
        if span.marked or span.kind == "alias":
            raise CannotCut("an edit touches a value with an anchor, an alias, a merge key, or a key that is set twice")
        structural = bool(change.removed or change.added)
        if change.replace is not None or (structural and span.flow and not span.children and not place.in_flow):
            borrow = self._lender(change.added.values())
            self.cuts += replacement(self._layout, self._indentation, place, new, borrow)
            return
        if structural and span.flow:
            self._flow_collection(change, span, new)
            return
        for key, inner in change.children.items():
            child = span.children.get(key)
            if child is None:
                raise CannotCut("an edit touches a value that has no place of its own in the text")
            self.carry_out(inner, Place(child, span), new[change.new_key(key)])
        if structural:
            self.cuts += entry_cuts(self._layout, change, place, new, self._entry_lines)

    def _flow_collection(self, change: Change, span: Span, new: Any) -> None:
        if any("#" in gap for gap in self._gaps(span)):
            raise CannotCut("an edit changes a collection in brackets that holds comments")
        text = self._layout.text
        padding = " " if text[span.start] == "{" and text[span.start + 1 : span.start + 2] == " " else ""
        keys = [child.key_start for child in _inside(span) if child.key_start >= 0]
        quoted = bool(keys) and all(text[key] == '"' for key in keys)
        pieces: list[str] = []
        entries: Iterable[tuple[str | int, Any]] = new.items() if isinstance(new, dict) else enumerate(new)
        for key, value in entries:
            old_key = change.old_key(change.rank(key)) if isinstance(key, int) else key
            if key in change.added or old_key in change.children:
                name = key if isinstance(key, str) else None
                pieces.append(flow_entry(name, value, quoted=quoted, padding=padding))
            else:
                child = span.children[old_key]
                pieces.append(text[child.key_start if child.key_start >= 0 else child.start : child.end].strip())
        pair = "{}" if isinstance(new, dict) else "[]"
        self.cuts.append(Cut(span.start, span.end, brackets(pieces, pair, padding)))

    def _gaps(self, span: Span) -> Iterator[str]:
        """The text between the scalars and keys of a collection."""
        places = [(span.start, span.start)]
        for child in _inside(span):
            if child.key_start >= 0:
                places.append((child.key_start, child.key_end))
            if child.kind in ("scalar", "alias"):
                places.append((child.start, child.end))
        places.append((span.end, span.end))
        yield from (self._layout.text[end:start] for (_, end), (start, _) in pairwise(places))

    def _entry_lines(self, parent: Span, edit: Edit, key: Any, column: int) -> list[str]:
        """The lines of a new entry."""
        emitter = Emitter(self._indentation, self._lender([edit]))
        if parent.kind == "mapping":
            emitter.entry(key, edit.new, column)
        else:
            emitter.item(edit.new, column)
        return emitter.lines


def _inside(span: Span) -> Iterator[Span]:
    """All values inside of a collection, in the order of the text."""
    for child in span.children.values():
        yield child
        yield from _inside(child)


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
                origins[id(part_at(edit.new, inner))] = origin
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
        old = part_at(self._data, origin)
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


def _comments_between(text: str) -> list[str]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not all(line.startswith("#") for line in lines):
        raise CannotCut("something other than comments stands between a key and its value")
    return lines


def _dedented(text: str, column: int) -> list[str]:
    """The lines of a text, all but the first one without the blanks of the first columns."""
    first, *others = text.replace("\r\n", "\n").split("\n")
    return [first, *(line[min(column, len(line) - len(line.lstrip(" "))) :] for line in others)]
