"""Cuts: pieces of a text and what takes their place."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple


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
