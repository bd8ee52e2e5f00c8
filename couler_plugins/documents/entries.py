"""Cuts for entries that come to, and go from, a collection in block style."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from couler_plugins.documents.diff import Change, Edit
from couler_plugins.documents.spans import CannotCut, Cut, Layout, Place, Span


def entry_cuts(
    layout: Layout, change: Change, place: Place, new: Any, write: Callable[[Span, Edit, Any, int], list[str]]
) -> list[Cut]:
    """The cuts that carry out the removals and additions directly inside of a block collection.

    Args:
        layout: the text.
        change: what comes and goes.
        place: the collection.
        new: the collection as it will be.
        write: gives the lines of an addition: for the collection's span, the edit, its key and its column.

    Raises:
        CannotCut: the text does not allow it.
    """
    block = _Block(layout, change, place, new)
    if any(block.stays) or change.added:
        block.alter(write)
    else:
        block.empty()
    return block.cuts


class _Block:
    def __init__(self, layout: Layout, change: Change, place: Place, new: Any) -> None:
        self.cuts: list[Cut] = []
        self.layout = layout
        self.change = change
        self.span, self.parent = place
        self.new = new
        self.keys = list(self.span.children)
        gone = set(change.removed)
        if not self.keys or not gone.issubset(self.keys):
            raise CannotCut("an edit touches a value that has no place of its own in the text")
        self.stays = [key not in gone for key in self.keys]
        self.first = self._start(0)
        self.column = layout.column(self.first)
        # Otherwise the first entry begins behind a dash, as in `- name: x`.
        self.own_line = layout.alone(self.first)

    def alter(self, write: Callable[[Span, Edit, Any, int], list[str]]) -> None:
        front: list[str] = []
        for previous, key, edit in self._additions():
            lines = write(self.span, edit, key, self.column)
            if previous is None:
                front += lines
            else:
                end = self._end(previous)
                self._cut(end, end, self._whole(lines))
        done = 0
        if self.own_line:
            start = self.layout.line_start(self.first)
            self._cut(start, start, self._whole(front))
        elif front or not self.stays[0]:
            done = self._behind_dash(front)
        for at in range(done, len(self.keys)):
            if not self.stays[at]:
                self._remove(at)

    def empty(self) -> None:
        text = "{}" if self.span.kind == "mapping" else "[]"
        if not self.own_line:
            self._cut(self.first, self.layout.before_break(self._end(0)), text)
        elif self.parent is None:
            start = self.layout.line_start(self.first)
            self._cut(start, start, text + self.layout.newline)
        else:
            indicator = self.layout.indicator_end(self.span, self.layout.entry_start(self.parent, self.span))
            self._cut(indicator, indicator, f" {text}")
        for at in range(0 if self.own_line else 1, len(self.keys)):
            self._remove(at)

    def _additions(self) -> Iterator[tuple[int | None, Any, Edit]]:
        """What comes, in order, each with the position of the entry that it goes below; None puts it on top."""
        change = self.change
        if self.span.kind == "sequence":
            for index, edit in change.added.items():
                rank = change.rank(index)
                yield (change.old_key(rank - 1) if rank else None), index, edit
            return
        positions = {key: at for at, key in enumerate(self.keys) if self.stays[at]}
        # The order of keys means nothing, and behind a dash it is easier to go below.
        previous = None if self.own_line else next(iter(positions.values()), None)
        for key in self.new:
            if key in change.added:
                yield previous, key, change.added[key]
            else:
                previous = positions.get(key, previous)

    def _behind_dash(self, front: list[str]) -> int:
        """Cuts for a first entry that begins behind a dash; returns how many entries are done with."""
        text = self.layout.newline.join(front)[self.column :]
        if self.stays[0]:
            self._cut(self.first, self.first, text + self.layout.newline + " " * self.column)
            return 0
        if front:
            self._cut(self.first, self.layout.before_break(self._end(0)), text)
            return 1
        # The first entry that stays moves up behind the dash; comments in between go above the dash's line.
        successor = self.stays.index(True)
        comments: list[str] = []
        for at in range(successor):
            until = self._region_start(at + 1) if at + 1 < successor else self._start(successor)
            comments += self.layout.comments(self._end(at), until)
        line_start = self.layout.line_start(self.first)
        line = self.layout.text[line_start : self.first]
        indent = line[: len(line) - len(line.lstrip(" "))]
        self._cut(line_start, line_start, self._whole([indent + comment for comment in comments]))
        self._cut(self.first, self._start(successor), "")
        return successor

    def _remove(self, at: int) -> None:
        start, end = self._region_start(at), self._end(at)
        above = self.layout.blank_above(start)
        # Of the blank lines around an entry that goes, one is enough.
        if at and above >= self._end(at - 1) and self.layout.blank_or_end(end):
            start = above
        self._cut(start, end, "")

    def _child(self, at: int) -> Span:
        return self.span.children[self.keys[at]]

    def _start(self, at: int) -> int:
        return self.layout.entry_start(self.span, self._child(at))

    def _region_start(self, at: int) -> int:
        return self.layout.region_start(self._start(at), self._child(at - 1) if at else None)

    def _end(self, at: int) -> int:
        return self.layout.region_end(self._child(at), self._start(at))

    def _whole(self, lines: list[str]) -> str:
        return "".join(line + self.layout.newline for line in lines)

    def _cut(self, start: int, end: int, text: str) -> None:
        if end > start or text:
            self.cuts.append(Cut(start, end, text))
