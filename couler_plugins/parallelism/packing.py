"""Parts packed from steps and clusters of steps.

Clusters of steps that wait for each other anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs.dag import Budget, Dag


@dataclass(frozen=True)
class Clusters:
    """Sets of steps in bands: every edge between two clusters leads to a higher band.

    Attributes:
        members: of each cluster, its steps, sorted; clusters by band.
        bands: of each cluster, its band.
    """

    members: list[list[int]]
    bands: list[int]


def bandpack(dag: Dag, budget: Budget) -> Clusters:
    """Joins each step with all predecessors of the highest band among them, where that fits; else opens a band.

    Sizes count every read from outside anew, and every step that is read: more than a cluster takes in the end.
    O(V + E), nearly.
    """
    up = list(range(len(dag)))
    band = [0] * len(dag)
    size, count, pods = list(dag.bytes), list(dag.steps), list(dag.pods)
    limit_bytes, limit_steps, limit_pods = budget.limits
    limit_bytes -= dag.wrapper
    imports, exports, weights = dag.imports, dag.exports, dag.weights
    shares = list(map(frozenset, dag.shares)) if weights else []
    for step, above in enumerate(dag.parents):
        if dag.children[step]:
            size[step] += exports[step]
        if not above:
            continue
        roots = []
        highest = 0
        for parent in above:
            root = parent
            while up[root] != root:
                up[root] = up[up[root]]
                root = up[root]
            roots.append(root)
            if band[root] > highest:
                highest = band[root]
        together = {root for root in roots if band[root] == highest}
        new_bytes = size[step] + sum(map(size.__getitem__, together))
        for parent, root in zip(above, roots, strict=True):
            if root not in together:
                new_bytes += imports[parent]
        pieces: frozenset[int] = frozenset()
        if weights:
            pieces = shares[step].union(*(shares[root] for root in together))
            new_bytes += sum(map(weights.__getitem__, pieces))
        new_count = count[step] + sum(map(count.__getitem__, together))
        new_pods = pods[step] + sum(map(pods.__getitem__, together))
        if new_bytes <= limit_bytes and new_count <= limit_steps and new_pods <= limit_pods:
            root = max(together, key=count.__getitem__)
            for other in together:
                up[other] = root
            up[step] = root
            size[root], count[root], pods[root] = new_bytes, new_count, new_pods
            if weights:
                size[root] -= sum(map(weights.__getitem__, pieces))
                shares[root] = pieces
        else:
            band[step] = highest + 1
            size[step] += sum(map(imports.__getitem__, above))
    return _gathered(up, band)


def _gathered(up: Sequence[int], band: Sequence[int]) -> Clusters:
    members: dict[int, list[int]] = {}
    for step in range(len(up)):
        root = step
        while up[root] != root:
            root = up[root]
        members.setdefault(root, []).append(step)
    roots = sorted(members, key=band.__getitem__)
    return Clusters([members[root] for root in roots], [band[root] for root in roots])


OFFERED = 12
"""Parts of a band that a cluster is offered to, the last that were opened; more cost more than they find."""


def fill(dag: Dag, budget: Budget, blocks: Iterable[Sequence[int]]) -> list[int]:
    """Fills one part after the other; what does not fit starts the next. O(V + E).

    Args:
        dag: the graph.
        budget: that every step fits by itself.
        blocks: steps that stay together, unless they fit no part; one after the other they are a topological order.
    """
    return _filled(Filling(dag, budget), blocks)


def cut_to_fit(dag: Dag, budget: Budget, labels: Sequence[int]) -> list[int]:
    """Labels from 0 on, without a gap, in which every part that was too big is cut; the others stay as they are."""
    members = by_key((label, step) for step, label in enumerate(labels))
    filling = Filling(dag, budget)
    result = [0] * len(dag)
    for _, steps in sorted(members.items()):
        if not filling.take(steps):
            filling.again()
            _filled(filling, ((step,) for step in steps))
        for step in steps:
            result[step] = filling.labels[step]
        filling.next()
    return result


def _filled(filling: Filling, blocks: Iterable[Sequence[int]]) -> list[int]:
    for block in blocks:
        if filling.take(block) or (filling.next() and filling.take(block)):
            continue
        filling.again()
        filling.take_apart(block)
    return filling.labels


class Filling:
    """The part that is being filled, with exactly what it would take if it were closed now."""

    def __init__(self, dag: Dag, budget: Budget) -> None:
        self.dag = dag
        self.limits = budget.limits
        self.labels = [-1] * len(dag)
        self._label = 0
        self._outside = [0] * len(dag)
        """Of each step in this part, how many of its children are not."""
        self.again()

    def next(self) -> bool:
        """Closes the part, and opens the next one, which is always possible."""
        self._label += 1
        self.again()
        return True

    def again(self) -> None:
        """Empties the part."""
        self._bytes, self._steps, self._pods = self.dag.wrapper, 0, 0
        self._imported: set[int] = set()
        self._held: set[int] = set()

    def take(self, block: Sequence[int]) -> bool:
        """Puts steps into the part, and says whether they fit; if not, they have to be put into another at once."""
        dag, labels, outside, imported, label = self.dag, self.labels, self._outside, self._imported, self._label
        size = self._bytes
        for step in block:
            labels[step] = label
            size += dag.bytes[step]
            self._steps += dag.steps[step]
            self._pods += dag.pods[step]
            for piece in dag.shares[step]:
                if piece not in self._held:
                    self._held.add(piece)
                    size += dag.weights[piece]
            for parent in dag.parents[step]:
                if labels[parent] == label:
                    outside[parent] -= 1
                    if not outside[parent]:
                        size -= dag.exports[parent]
                elif parent not in imported:
                    imported.add(parent)
                    size += dag.imports[parent]
            outside[step] = len(dag.children[step])
            if outside[step]:
                size += dag.exports[step]
        self._bytes = size
        limit_bytes, limit_steps, limit_pods = self.limits
        return size <= limit_bytes and self._steps <= limit_steps and self._pods <= limit_pods

    def take_apart(self, block: Sequence[int]) -> None:
        """Puts steps into the part one by one, and opens the next one where it is full."""
        for step in block:
            if not self.take((step,)):
                self.next()
                self.take((step,))


def first_fit(dag: Dag, budget: Budget, clusters: Clusters, launch: float) -> list[int]:
    """Packs each band into parts of its own: clusters by when all that they need has ended, into the first with room.

    Args:
        dag: the graph.
        budget: that every step fits by itself.
        clusters: those of `bandpack`, for a budget within this one.
        launch: seconds that starting a part takes.
    """
    labels = [-1] * len(dag)
    finish = [0.0] * len(dag)
    ends: list[float] = []
    limits = budget.limits
    for group in _bands(clusters):
        first = len(ends)
        bins: list[_Bin] = []
        for members, reads in _ordered(dag, group, labels, ends):
            size = _size(dag, members)
            pieces = frozenset(piece for step in members for piece in dag.shares[step])
            for offset in range(max(0, len(bins) - OFFERED), len(bins)):
                if bins[offset].take(dag, limits, size, reads, pieces):
                    break
            else:
                offset = len(bins)
                bins.append(_Bin(dag.wrapper))
                bins[offset].take(dag, limits, size, reads, pieces)
                ends.append(0.0)
            label = first + offset
            start = launch + max((ends[labels[step]] for step in reads), default=0.0)
            bins[offset].start = max(bins[offset].start, start)
            for step in members:
                labels[step] = label
            for step in members:
                inside = (finish[parent] for parent in dag.parents[step] if labels[parent] == label)
                finish[step] = max(inside, default=0.0) + dag.seconds[step]
                bins[offset].length = max(bins[offset].length, finish[step])
        ends[first:] = [one.start + one.length for one in bins]
    return labels


class _Bin:
    """A part of a band while it is filled."""

    __slots__ = ("bytes", "held", "imported", "length", "pods", "start", "steps")

    def __init__(self, wrapper: int) -> None:
        self.bytes, self.steps, self.pods = wrapper, 0, 0
        self.imported: set[int] = set()
        self.held: set[int] = set()
        self.start = self.length = 0.0

    def take(
        self,
        dag: Dag,
        limits: tuple[int, int, int],
        size: tuple[int, int, int],
        reads: frozenset[int],
        pieces: frozenset[int],
    ) -> bool:
        """Takes a cluster of that size if there is room; no edge may lead from one cluster of the part to another."""
        steps, pods = self.steps + size[1], self.pods + size[2]
        if steps > limits[1] or pods > limits[2] or self.bytes + size[0] > limits[0]:
            return False
        new = reads - self.imported
        total = self.bytes + size[0] + sum(map(dag.imports.__getitem__, new))
        total += sum(map(dag.weights.__getitem__, pieces - self.held))
        if total > limits[0]:
            return False
        self.bytes, self.steps, self.pods = total, steps, pods
        self.imported |= new
        self.held |= pieces
        return True


def _bands(clusters: Clusters) -> Iterator[list[list[int]]]:
    """The clusters of each band."""
    pairs = groupby(zip(clusters.bands, clusters.members, strict=True), key=lambda pair: pair[0])
    return ([members for _, members in group] for _, group in pairs)


def _ordered(
    dag: Dag, group: Sequence[Sequence[int]], labels: Sequence[int], ends: Sequence[float]
) -> list[tuple[Sequence[int], frozenset[int]]]:
    """The clusters of a band in the order in which they are packed, each with what it reads."""
    keyed = []
    for at, members in enumerate(group):
        reads = frozenset(parent for step in members for parent in dag.parents[step]).difference(members)
        ready = max((ends[labels[step]] for step in reads), default=0.0)
        keyed.append(((ready, at), members, reads))
    keyed.sort(key=lambda one: one[0])
    return [(members, reads) for _, members, reads in keyed]


def _size(dag: Dag, members: Sequence[int]) -> tuple[int, int, int]:
    """Bytes without reads and without what is shared, steps and pods of a cluster."""
    own = set(members)
    size = sum(map(dag.bytes.__getitem__, members))
    size += sum(dag.exports[step] for step in members if not own.issuperset(dag.children[step]))
    return size, sum(map(dag.steps.__getitem__, members)), sum(map(dag.pods.__getitem__, members))
