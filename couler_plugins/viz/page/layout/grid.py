"""Wide layers as rows of a grid: what hangs together stays together, and nothing is wider than a screen.

Five hundred steps side by side cannot be read. Where layers are wider than the grid, the parts of the graph that have
nothing to do with each other there (chains, fans) are put side by side while there is room, then below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from couler_plugins.documents.mappings import reached
from couler_plugins.viz.page.layout.layers import Neighbours

Row = list[tuple[int, int]]
"""Nodes with their columns, from left to right."""

Layers = Sequence[Sequence[int]]
Part = dict[int, list[int]]
"""Nodes that hang together, by the number of their layer in the block."""

WAIST = 2
"""A layer of at most so many nodes is a row of its own: graphs come together there."""
PEELS = 3
"""How many layers are set apart at either end until the rest falls into parts; each look is linear."""
DEPTH = 5
"""How often parts are cut into parts."""


def grid_rows(layers: Layers, neighbours: Neighbours, columns: int) -> list[Row]:
    """All nodes in rows of at most `columns`, each below those that lead to it.

    Args:
        layers: the nodes by layer, in order.
        neighbours: who is linked to whom.
        columns: how many nodes stand side by side.
    """
    grid = _Grid(neighbours, columns)
    grid.add(layers, DEPTH)
    return grid.rows


class _Grid:
    def __init__(self, neighbours: Neighbours, columns: int) -> None:
        self.rows: list[Row] = []
        self._neighbours = neighbours
        self._columns = columns
        self._column: dict[int, int] = {}

    def add(self, layers: Layers, depth: int) -> None:
        """Adds rows for these layers."""
        for segment in _segments(layers):
            if max(map(len, segment)) <= self._columns or not depth:
                self._add_layers(segment)
                continue
            top, bottom, parts = self._cut(segment)
            self._add_layers(segment[:top])
            for wide, group in groupby(parts, lambda part: _width(part) > self._columns):
                if wide and len(parts) > 1:
                    for part in group:
                        self.add([part[number] for number in sorted(part)], depth - 1)
                elif wide:
                    self._add_layers(segment[top:bottom])
                else:
                    self._add_parts(list(group))
            self._add_layers(segment[bottom:])

    def _cut(self, segment: Layers) -> tuple[int, int, list[Part]]:
        """The layers from top to bottom that fall into parts, with as little as possible set apart above and below."""
        length = len(segment)
        ends = [(top, length - low) for top in range(PEELS) for low in range(PEELS) if top + low < length]
        sizes = {end: sum(map(len, segment[: end[0]])) + sum(map(len, segment[end[1] :])) for end in ends}
        for top, bottom in sorted(ends, key=sizes.__getitem__):
            parts = _parts(segment[top:bottom], self._neighbours)
            if len(parts) > 1:
                return top, bottom, parts
        return 0, length, _parts(segment, self._neighbours)

    def _add_layers(self, layers: Layers) -> None:
        for layer in layers:
            self._add_parts([{0: [node]} for node in layer])

    def _add_parts(self, parts: Sequence[Part]) -> None:
        """Adds narrow parts, as many side by side as there is room for."""
        chunks = list(_chunks(parts, self._columns))
        for chunk in chunks:
            start = 0 if len(chunks) > 1 else self._start(chunk)
            for row in _chunk_rows(chunk, start):
                self._column.update(row)
                self.rows.append(row)

    def _start(self, chunk: Sequence[Part]) -> int:
        """The column of a lone chunk: below what leads to it, or in the middle."""
        nodes = [node for part in chunk for layer in part.values() for node in layer]
        before = self._neighbours.before
        above = [self._column[other] for node in nodes for other in before[node] if other in self._column]
        width = sum(map(_width, chunk))
        free = self._columns - width
        wanted = sum(above) / len(above) - (width - 1) / 2 if above else free / 2
        return max(0, min(free, int(wanted)))


def _segments(layers: Layers) -> Iterator[Layers]:
    """The layers, cut where the graph is narrow."""
    segment: list[Sequence[int]] = []
    for layer in layers:
        if len(layer) > WAIST:
            segment.append(layer)
            continue
        if segment:
            yield segment
        yield [layer]
        segment = []
    if segment:
        yield segment


def _parts(block: Layers, neighbours: Neighbours) -> list[Part]:
    """What hangs together within a block, in the order of its layers."""
    level = {node: number for number, layer in enumerate(block) for node in layer}
    part_of: dict[int, int] = {}

    def beside(node: int) -> list[int]:
        return [other for other in (*neighbours.before[node], *neighbours.after[node]) if other in level]

    for root in level:
        if root not in part_of:
            part_of |= dict.fromkeys(reached([root], beside), root)
    parts: dict[int, Part] = {}
    for node, number in level.items():
        parts.setdefault(part_of[node], {}).setdefault(number, []).append(node)
    return list(parts.values())


def _width(part: Part) -> int:
    return max(map(len, part.values()))


def _chunks(parts: Sequence[Part], columns: int) -> Iterator[list[Part]]:
    """The parts, as many side by side as there is room for."""
    chunk: list[Part] = []
    width = 0
    for part in parts:
        if chunk and width + _width(part) > columns:
            yield chunk
            chunk, width = [], 0
        chunk.append(part)
        width += _width(part)
    if chunk:
        yield chunk


def _chunk_rows(chunk: Sequence[Part], start: int) -> Iterator[Row]:
    for number in sorted({number for part in chunk for number in part}):
        row: Row = []
        offset = start
        for part in chunk:
            nodes = part.get(number, [])
            first = offset + (_width(part) - len(nodes)) // 2
            row += [(node, first + place) for place, node in enumerate(nodes)]
            offset += _width(part)
        yield row
