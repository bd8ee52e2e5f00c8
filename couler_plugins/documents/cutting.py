"""Turns the changes of a document into cuts of its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from couler_plugins.documents.changes import Change
from couler_plugins.documents.cuts import CannotCut, Cut
from couler_plugins.documents.diff import Edit
from couler_plugins.documents.emitter import Borrow, Emitter, Indentation, brackets, flow_entry
from couler_plugins.documents.entries import entry_cuts
from couler_plugins.documents.layout import Layout, Place
from couler_plugins.documents.replacing import replacement
from couler_plugins.documents.spans import Span


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
