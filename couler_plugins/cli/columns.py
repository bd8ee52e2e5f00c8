"""Tables of plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["columns", "number_text"]


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table: its first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for name, *cells in (head, *rows):
        line = [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))]
        yield "  ".join(line).rstrip()


def number_text(value: object) -> str:
    """A figure for people: thousands apart, and no digits behind the point that say nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    text = f"{value:,.1f}" if isinstance(value, float) and abs(value) >= 1000 else f"{value:,}"
    return text.removesuffix(".0")
