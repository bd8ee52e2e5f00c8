"""Which lines of two texts belong together, in time that does not grow with the square of the number of changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

from couler_plugins.documents.alignment import ascending


class LineMatcher(SequenceMatcher[str]):
    """difflib's matcher, held to lines that occur once in both texts (the idea of Bram Cohen's patience diff).

    difflib itself looks through everything that is left for each of its matches; between two such lines there is little
    left to look through.
    """

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        # Not the base class's constructor: it would index both texts, for a search that is never made.
        self.a, self.b = old, new
        self.opcodes = None
        self._blocks: list[Match] | None = None

    def get_matching_blocks(self) -> list[Match]:
        """As in difflib: runs of equal lines, ascending, and an empty run at the end."""
        if self._blocks is None:
            self._blocks = list(_joined(self._matches()))
            self._blocks.append(Match(len(self.a), len(self.b), 0))
        return self._blocks

    def _matches(self) -> Iterator[Match]:
        i = j = 0
        for next_i, next_j in [*_anchors(self.a, self.b), (len(self.a), len(self.b))]:
            yield from self._gap(i, next_i, j, next_j)
            if next_i < len(self.a):
                yield Match(next_i, next_j, 1)
            i, j = next_i + 1, next_j + 1

    def _gap(self, i: int, i_end: int, j: int, j_end: int) -> Iterator[Match]:
        """The matches between two anchors: what is equal at both ends, and what difflib finds in between."""
        front = 0
        while i + front < i_end and j + front < j_end and self.a[i + front] == self.b[j + front]:
            front += 1
        back = 0
        while (
            i_end - back > i + front
            and j_end - back > j + front
            and self.a[i_end - back - 1] == self.b[j_end - back - 1]
        ):
            back += 1
        yield Match(i, j, front)
        i, j, i_stop, j_stop = i + front, j + front, i_end - back, j_end - back
        if i < i_stop and j < j_stop:
            for block in SequenceMatcher(
                None, self.a[i:i_stop], self.b[j:j_stop], autojunk=False
            ).get_matching_blocks():
                yield Match(i + block.a, j + block.b, block.size)
        yield Match(i_stop, j_stop, back)


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The places of lines that occur once in both texts, as many as are in the same order in both."""
    once = {line for line, count in Counter(old).items() if count == 1}
    once &= {line for line, count in Counter(new).items() if count == 1}
    place = {line: number for number, line in enumerate(new) if line in once}
    pairs = [(number, place[line]) for number, line in enumerate(old) if line in once]
    return ascending(pairs, [j for _, j in pairs])


def _joined(matches: Iterator[Match]) -> Iterator[Match]:
    """The matches with those that touch each other made one, and empty ones left out."""
    i = j = size = 0
    for match in matches:
        if (i + size, j + size) == (match.a, match.b):
            size += match.size
            continue
        if size:
            yield Match(i, j, size)
        i, j, size = match
    if size:
        yield Match(i, j, size)
