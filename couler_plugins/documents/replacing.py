"""The cuts that put one value in the place of another."""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.documents.emitter import Borrow, Emitter, Indentation, flow
from couler_plugins.documents.scalars import literal, styled
from couler_plugins.documents.spans import Cut, Layout, Place, Span

_HEADER = re.compile(r"[^|>]*[|>][-+0-9]*")


def replacement(layout: Layout, indentation: Indentation, place: Place, new: Any, borrow: Borrow | None) -> list[Cut]:
    """The cuts after which `new` stands at `place`, in the style of what stood there where that can hold it.

    Args:
        layout: the text.
        indentation: the document's habits.
        place: the old value.
        new: the new value.
        borrow: where existing text for values in it comes from.

    Raises:
        CannotCut: the text does not allow it.
    """
    return _Replacement(layout, indentation, place, new, borrow).cuts()


class _Replacement:
    def __init__(self, layout: Layout, indentation: Indentation, place: Place, new: Any, borrow: Borrow | None) -> None:
        self.layout = layout
        self.indentation = indentation
        self.span, self.parent = place
        self.in_flow = place.in_flow
        self.new = new
        self.borrow = borrow
        self.is_block = isinstance(new, dict | list) and bool(new)
        self.is_item = self.parent is not None and self.parent.kind == "sequence"
        self.step = 2 if self.is_item else indentation.step

    def cuts(self) -> list[Cut]:
        span = self.span
        if self.in_flow:
            gap = " " if span.start == span.end and self.layout.text[span.start - 1] == ":" else ""
            return [Cut(span.start, span.end, gap + self._inline())]
        self.entry = self.layout.entry_start(self.parent, span) if self.parent else -1
        self.base = self.layout.column(self.entry) if self.parent else 0
        if span.kind == "scalar" or span.flow:
            return self._of_inline()
        return self._of_block()

    def _inline(self) -> str:
        if isinstance(self.new, dict | list):
            return flow(self.new)
        return styled(self.new, self.span.style, flow=self.in_flow)

    def _join(self, lines: list[str]) -> str:
        return self.layout.newline.join(lines)

    def _block_lines(self, column: int) -> list[str]:
        emitter = Emitter(self.indentation, self.borrow)
        emitter.value(self.new, column)
        return emitter.lines

    def _inner_column(self) -> int:
        if self.parent is None:
            return 0
        if self.is_item:
            return self.base + 2
        return self.base + (self.indentation.step if isinstance(self.new, dict) else self.indentation.sequence)

    def _of_inline(self) -> list[Cut]:
        """A scalar, or a collection in brackets, gives way."""
        text, span = self.layout.text, self.span
        start, end = span.start, span.end
        line_stop = self.layout.line_stop(end)
        rest = text[end:line_stop]  # a comment, or nothing
        block_style = span.style in ("|", ">")
        if block_style:
            header = _HEADER.match(text, start)
            assert header
            rest = text[header.end() : self.layout.line_stop(start)]
            line_stop = end
        gap = " " if start == end and text[start - 1] in ":-" else ""
        if self.is_block:
            return [self._block_after_inline(line_stop, rest)]
        # In double quotes stay texts of one line, and those whose breaks are escaped there already.
        breaks = "\n" in str(self.new).rstrip("\n") and not re.search(r"\n|\\n", text[start:end])
        if (span.style != '"' or breaks) and (lines := self._literal(self._old_step() if block_style else self.step)):
            return [Cut(start, line_stop, gap + self._join([lines[0] + rest, *lines[1:]]))]
        return [Cut(start, end, gap + self._inline() + (rest if block_style else ""))]

    def _block_after_inline(self, stop: int, rest: str) -> Cut:
        comment = rest.strip()
        if self.parent is None:
            return Cut(self.span.start, stop, self._join([*([comment] if comment else []), *self._block_lines(0)]))
        if self.is_item and not comment:
            emitter = Emitter(self.indentation, self.borrow)
            emitter.item(self.new, self.base, lead="")
            return Cut(self.entry, stop, self._join(emitter.lines))
        lines = self._block_lines(self._inner_column())
        return Cut(self.layout.indicator_end(self.span, self.entry), stop, self._join([rest.rstrip(), *lines]))

    def _old_step(self) -> int:
        """How much deeper than its key or dash the lines of the old block scalar stand."""
        lines = self.layout.text[self.span.start : self.span.end].split("\n")[1:]
        first = next((line for line in lines if line.strip()), "")
        step = len(first) - len(first.lstrip(" ")) - self.base
        return step if 0 < step < 10 else self.step

    def _literal(self, step: int) -> list[str] | None:
        block = literal(self.new, step)
        if block is None:
            return None
        header, lines = block
        return [header, *(" " * (self.base + step) + line if line else line for line in lines)]

    def _of_block(self) -> list[Cut]:
        """A collection in block style gives way."""
        first, last = _ends(self.span)
        start = self.layout.entry_start(self.span, first)
        stop = self.layout.region_end(last, self.layout.entry_start(self.span, last))
        newline = self.layout.newline
        if not self.layout.alone(start):  # it begins behind a dash
            text = self._join(self._lines(self.layout.column(start))).lstrip(" ")
            return [Cut(start, self.layout.before_break(stop), text)]
        start = self.layout.line_start(start)
        if self.is_block or self.parent is None:
            return [Cut(start, stop, self._join([*self._lines(self._inner_column()), ""]))]
        colon = self.layout.indicator_end(self.span, self.entry)
        head, *body = self._lines(0)
        return [Cut(colon, colon, f" {head}"), Cut(start, stop, "".join(line + newline for line in body))]

    def _lines(self, column: int) -> list[str]:
        if self.is_block:
            return self._block_lines(column)
        return self._literal(self.step) or [self._inline()]


def _ends(span: Span) -> tuple[Span, Span]:
    children = list(span.children.values())
    return children[0], children[-1]
