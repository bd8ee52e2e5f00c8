"""From layers to coordinates and curves: a small graph is spread out, a large one goes into a grid. Linear but for a
few sorts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

from couler_plugins.viz.page.layout.grid import grid_rows
from couler_plugins.viz.page.layout.layers import Neighbours, assign_layers, order_layers
from couler_plugins.viz.page.layout.spread import spread

# The curves of edges: from box to box between two rows, and along a channel where rows lie in between.

Point = tuple[float, float]


def curve(points: Sequence[Point]) -> str:
    """A path through points: straight down where the column stays, else a curve that leaves and arrives vertically."""
    x, y = map(round, points[0])
    parts = [f"M{x} {y}"]
    for next_x, next_y in ((round(x), round(y)) for x, y in points[1:]):
        middle = (y + next_y) // 2
        parts.append(f"V{next_y}" if next_x == x else f"C{x} {middle} {next_x} {middle} {next_x} {next_y}")
        x, y = next_x, next_y
    return "".join(parts)


def trunks(edges: Sequence[tuple[int, int]]) -> list[int]:
    """For each edge the node that it shares a channel for: its start or its end, whichever has more of these edges."""
    starts, ends = Counter(start for start, _ in edges), Counter(end for _, end in edges)
    return [end if ends[end] > starts[start] else start for start, end in edges]


def lanes(spans: Sequence[tuple[int, int]], owners: Sequence[int]) -> list[int]:
    """The lane beside the picture of each edge: those of one owner share one, others only where they do not meet.

    Args:
        spans: the first and the last row that each edge passes.
        owners: the node that each edge shares a channel for.
    """
    extents: dict[int, tuple[int, int]] = {}
    for (first, last), owner in zip(spans, owners, strict=True):
        low, high = extents.get(owner, (first, last))
        extents[owner] = min(low, first), max(high, last)
    lane_of: dict[int, int] = {}
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    for owner, (first, last) in sorted(extents.items(), key=lambda item: (item[1], item[0])):
        while busy and busy[0][0] < first:
            heappush(free, heappop(busy)[1])
        lane_of[owner] = heappop(free) if free else len(busy)
        heappush(busy, (last, lane_of[owner]))
    return [lane_of[owner] for owner in owners]


Size = tuple[int, int]
"""Width and height."""

WIDEST = 7
"""A layer of more nodes is cut into rows of a grid."""
COLUMNS = 6
GAP_X = 28
GAP_Y = 40
MARGIN = 24
BEND = 12
"""The width that an edge takes where it passes a layer."""
LONGEST = 12
"""An edge over more layers does not pass between the boxes, but beside them."""
CROWD = 24
"""More edges than this between the boxes of a layer are no picture any more."""
LANES = 24
LANE = 7


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture of a graph.

    Attributes:
        size: of the whole.
        places: the top left corner of each node.
        paths: the path of each edge, from the bottom of its start to the top of its end.
        labels: the place for a text on each edge.
        long: whether each edge passes other rows.
        rows: the nodes row by row, left to right.
    """

    size: Size
    places: list[tuple[int, int]]
    paths: list[str]
    labels: list[tuple[int, int]]
    long: list[bool]
    rows: list[list[int]]


def lay_out(sizes: Sequence[Size], edges: Sequence[tuple[int, int]]) -> Layout:
    """The picture of a graph whose nodes are numbered from 0.

    Args:
        sizes: of the nodes.
        edges: from node to node, none from a node to itself.
    """
    layer_of = assign_layers(Neighbours.of(len(sizes), edges))
    layers: list[list[int]] = [[] for _ in range(max(layer_of, default=-1) + 1)]
    for node, layer in enumerate(layer_of):
        layers[layer].append(node)
    chains = _Chains(layer_of, edges)
    if max(map(len, layers), default=0) > WIDEST or chains.crowd > CROWD:
        return _in_grid(sizes, edges, layers)
    return _spread_out(sizes, edges, layers, chains)


class _Chains:
    """Edges over several layers as chains of bends, one a layer; those with the same start share their bends.

    Attributes:
        bends: the layer of each bend; bends are numbered after the nodes.
        of_edge: the bends of each edge; None for one that passes too many layers.
        links: the edges between nodes and bends.
        crowd: the most bends in one layer.
    """

    def __init__(self, layer_of: Sequence[int], edges: Sequence[tuple[int, int]]) -> None:
        self.bends: list[int] = []
        self.of_edge: list[list[int] | None] = []
        bends: dict[tuple[int, int], int] = {}
        links: dict[tuple[int, int], None] = {}
        for start, end in edges:
            first, last = layer_of[start] + 1, layer_of[end]
            if not 0 <= last - first <= LONGEST:
                self.of_edge.append(None)
                continue
            chain = [start]
            for layer in range(first, last):
                bend = bends.setdefault((start, layer), len(layer_of) + len(self.bends))
                if bend == len(layer_of) + len(self.bends):
                    self.bends.append(layer)
                chain.append(bend)
            chain.append(end)
            links.update(dict.fromkeys(pairwise(chain)))
            self.of_edge.append(chain[1:-1])
        self.links = list(links)
        self.crowd = max(Counter(self.bends).values(), default=0)


def _spread_out(
    sizes: Sequence[Size], edges: Sequence[tuple[int, int]], layers: list[list[int]], chains: _Chains
) -> Layout:
    for bend, layer in enumerate(chains.bends, len(sizes)):
        layers[layer].append(bend)
    neighbours = Neighbours.of(len(sizes) + len(chains.bends), chains.links)
    layers = order_layers(layers, neighbours)
    widths = [float(width) for width, _ in sizes] + [float(BEND)] * len(chains.bends)
    middles = spread(layers, neighbours, widths, GAP_X)
    leftmost = min((middle - width / 2 for middle, width in zip(middles, widths, strict=True)), default=0) - MARGIN
    return _Picture(sizes, edges, layers, [middle - leftmost for middle in middles]).with_bends(chains)


def _in_grid(sizes: Sequence[Size], edges: Sequence[tuple[int, int]], layers: list[list[int]]) -> Layout:
    neighbours = Neighbours.of(len(sizes), edges)
    rows = grid_rows(order_layers(layers, neighbours, down_only=True), neighbours, COLUMNS)
    pitch = max(width for width, _ in sizes) + GAP_X
    middles = [0.0] * len(sizes)
    for row in rows:
        for node, column in row:
            middles[node] = MARGIN + GAP_X + column * pitch + (pitch - GAP_X) / 2
    return _Picture(sizes, edges, [[node for node, _ in row] for row in rows], middles).with_channels(pitch)


class _Picture:
    """Rows of nodes (and bends, which have no size) whose middles are known."""

    def __init__(
        self,
        sizes: Sequence[Size],
        edges: Sequence[tuple[int, int]],
        rows: list[list[int]],
        middles: list[float],
    ) -> None:
        self.sizes, self.edges, self.rows, self.middles = sizes, edges, rows, middles
        self.row_of = [0] * len(middles)
        self.spans: list[tuple[int, int]] = []
        top = MARGIN
        for number, row in enumerate(rows):
            height = max((sizes[node][1] for node in row if node < len(sizes)), default=0)
            self.spans.append((top, top + height))
            top += height + GAP_Y
            for node in row:
                self.row_of[node] = number
        self.height = top - GAP_Y + MARGIN

    def with_bends(self, chains: _Chains) -> Layout:
        """Edges run through their bends, and those that have none beside the picture."""
        outside = [edge for edge, bends in zip(self.edges, chains.of_edge, strict=True) if bends is None]
        lane_of = iter(lanes([self._passed(edge) for edge in outside], trunks(outside)))
        right = self._right() + GAP_X / 2
        routes = []
        for edge, bends in zip(self.edges, chains.of_edge, strict=True):
            if bends is None:
                routes.append(self._along(edge, right + next(lane_of) % LANES * LANE))
            else:
                passing = [(self.middles[bend], y) for bend in bends for y in self.spans[self.row_of[bend]]]
                routes.append([self._bottom(edge[0]), *passing, self._top(edge[1])])
        return self._layout(routes)

    def with_channels(self, pitch: int) -> Layout:
        """Edges that pass rows run between two columns; those that come from or lead to one node run together."""
        routes = []
        for edge, owner in zip(self.edges, trunks(self.edges), strict=True):
            start, end = edge
            if self.row_of[end] == self.row_of[start] + 1:
                routes.append([self._bottom(start), self._top(end)])
            else:
                column = round(self.middles[end if owner == start else start] - MARGIN - GAP_X) // pitch
                channel = MARGIN + GAP_X / 2 + column * pitch + (owner % 7 - 3) * (GAP_X // 8)
                routes.append(self._along(edge, channel))
        return self._layout(routes)

    def _along(self, edge: tuple[int, int], x: float) -> list[Point]:
        """Through the gap below the start, along a vertical line, and through the gap above the end."""
        bottom, top = self._bottom(edge[0]), self._top(edge[1])
        leaving = self.spans[self.row_of[edge[0]]][1] + GAP_Y
        arriving = self.spans[self.row_of[edge[1]]][0] - GAP_Y
        return [bottom, (x, leaving), (x, arriving), top]

    def _passed(self, edge: tuple[int, int]) -> tuple[int, int]:
        first, last = sorted((self.row_of[edge[0]], self.row_of[edge[1]]))
        return first, last

    def _bottom(self, node: int) -> Point:
        return self.middles[node], self.spans[self.row_of[node]][0] + self.sizes[node][1]

    def _top(self, node: int) -> Point:
        return self.middles[node], self.spans[self.row_of[node]][0]

    def _right(self) -> float:
        return max((self.middles[node] + width / 2 for node, (width, _) in enumerate(self.sizes)), default=0)

    def _layout(self, routes: list[list[Point]]) -> Layout:
        right = max([self._right(), *(x for route in routes for x, _ in route)])
        places = [
            (round(self.middles[node] - width / 2), self.spans[self.row_of[node]][0])
            for node, (width, _) in enumerate(self.sizes)
        ]
        labels = [(round((route[-1][0] + route[-2][0]) / 2), round(route[-1][1] - GAP_Y / 2)) for route in routes]
        nodes = [[node for node in row if node < len(self.sizes)] for row in self.rows]
        long = [abs(self.row_of[end] - self.row_of[start]) > 1 for start, end in self.edges]
        paths = [curve(route) for route in routes]
        return Layout((round(right) + MARGIN, self.height), places, paths, labels, long, nodes)
