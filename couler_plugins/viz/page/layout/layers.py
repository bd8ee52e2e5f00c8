"""Which layer of a picture each node stands in, and in which order the nodes of a layer stand."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who is linked to whom, nodes being numbered from 0."""

    before: list[list[int]]
    after: list[list[int]]

    @classmethod
    def of(cls, count: int, edges: Sequence[tuple[int, int]]) -> Neighbours:
        """The neighbours of `count` nodes by their edges."""
        before: list[list[int]] = [[] for _ in range(count)]
        after: list[list[int]] = [[] for _ in range(count)]
        for start, end in edges:
            after[start].append(end)
            before[end].append(start)
        return cls(before, after)


def assign_layers(neighbours: Neighbours) -> list[int]:
    """The layer of each node: one more than the deepest that leads to it.

    A node that nothing leads to stands right above the first that it leads to. In a cycle, which two versions of a
    workflow can make together, the first node by number comes first.
    """
    order = _order(neighbours)
    layer = [0] * len(order)
    placed = [False] * len(order)
    for node in order:
        layer[node] = max((layer[other] + 1 for other in neighbours.before[node] if placed[other]), default=0)
        placed[node] = True
    for node in order:
        followers = [layer[other] for other in neighbours.after[node] if layer[other] > 0]
        if not neighbours.before[node] and followers:
            layer[node] = min(followers) - 1
    return layer


def _order(neighbours: Neighbours) -> list[int]:
    """All nodes, each after those that lead to it, as far as that can be."""
    count = len(neighbours.before)
    waiting = [len(others) for others in neighbours.before]
    free = deque(node for node in range(count) if not waiting[node])
    done = [False] * count
    order: list[int] = []
    start = 0
    while len(order) < count:
        while free:
            node = free.popleft()
            if done[node]:
                continue
            done[node] = True
            order.append(node)
            for other in neighbours.after[node]:
                waiting[other] -= 1
                if not waiting[other]:
                    free.append(other)
        while start < count and done[start]:
            start += 1
        if start < count:
            free.append(start)
    return order


def order_layers(layers: list[list[int]], neighbours: Neighbours, *, down_only: bool = False) -> list[list[int]]:
    """The layers with their nodes in an order in which few edges cross: each near the middle of its neighbours.

    Args:
        layers: the nodes by layer, in the order of the source.
        neighbours: who is linked to whom.
        down_only: whether only what leads to a node counts; what a reader looks for then stays in its usual order.
    """
    place = [0.0] * len(neighbours.before)
    layers = [list(layer) for layer in layers]
    for layer in layers:
        _note_places(layer, place)
    for _ in range(SWEEPS):
        for others, sweep in ((neighbours.before, layers), (neighbours.after, [] if down_only else layers[::-1])):
            for layer in sweep:
                middle = {node: _mean(others[node], place, place[node]) for node in layer}
                layer.sort(key=middle.__getitem__)
                _note_places(layer, place)
    return layers


def _note_places(layer: Sequence[int], place: list[float]) -> None:
    for number, node in enumerate(layer):
        place[node] = number - (len(layer) - 1) / 2


def _mean(nodes: Sequence[int], place: Sequence[float], otherwise: float) -> float:
    return sum(place[node] for node in nodes) / len(nodes) if nodes else otherwise
