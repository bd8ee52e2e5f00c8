"""Parts that are grown one after the other, each from what ends first once it has started."""

from __future__ import annotations

from heapq import heappop, heappush

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.packing import Filling
from couler_plugins.parallelism.solution import fewest_parts

DEFERRED = 8
"""How many times as many as were taken may be ranked anew because a part has become longer."""


def grow(
    dag: Dag, budget: Budget, launch: float, urgency: float, ready: float, nearness: float, free: float = 0.5
) -> list[int]:
    """Fills parts one after the other, each with the step that can start in it and ranks lowest. O((V + E) log V).

    A part opens when so many steps can start in it. What can start only later is left for parts that start later, and
    so several run side by side where the graph is wide.

    Args:
        dag: the graph.
        budget: what does not fit it by itself has a part of its own all the same.
        launch: seconds that starting a part takes.
        urgency: seconds that one second of the path from a step on is worth.
        ready: how many steps have to be able to start, as a share of what the fewest parts would have on average.
        nearness: what each parent in the same part is worth, in times the mean of the steps' seconds.
        free: up to this share of a part's length so far, it does not matter when a step ends.
    """
    growth = _Growth(dag, budget, launch, urgency, nearness, free)
    wanted = max(1.0, ready * len(dag) / max(fewest_parts(dag, budget), 1))
    while growth.open(wanted):
        growth.fill()
    return growth.filling.labels


class _Growth:
    """Parts that have been filled, and what can come into the next one.

    A step ranks by when it would end after the start of its part, less its urgency (the longest path from it on) and
    its nearness (the parents that it has there).
    """

    def __init__(self, dag: Dag, budget: Budget, launch: float, urgency: float, nearness: float, free: float) -> None:
        self.dag = dag
        self.launch = launch
        self.filling = Filling(dag, budget)
        self._urgency = [urgency * ahead for ahead in dag.tails()]
        self._nearness = nearness * sum(dag.seconds) / len(dag)
        self._free = free
        self._waits = [len(above) for above in dag.parents]
        self._needs = [0.0] * len(dag)
        """When all that a step needs of other parts has ended."""
        self._finish = list(dag.seconds)
        """When it would end in the part that is being filled, from the start of that on."""
        self._inside = [0] * len(dag)
        """How many parents it has in that part."""
        self._ends: list[float] = []
        self._horizon = 0.0
        """What needs nothing that ends later can start in the part that is being filled."""
        self._coming = [(0.0, step) for step, wait in enumerate(self._waits) if not wait]
        self._able: list[tuple[float, int]] = []

    def open(self, wanted: float) -> bool:
        """Looks ahead until so many steps can start; False where none is left."""
        coming, able = self._coming, self._able
        while coming and (len(able) < wanted or coming[0][0] <= self._horizon):
            need, step = heappop(coming)
            self._horizon = max(self._horizon, need)
            heappush(able, (self.dag.seconds[step] - self._urgency[step], step))
        return bool(able)

    def fill(self) -> None:
        """Fills a part, and closes it."""
        able, finish, urgency, filling = self._able, self._finish, self._urgency, self.filling
        inside, nearness, needs, horizon = self._inside, self._nearness, self._needs, self._horizon
        inner: list[tuple[float, int]] = []
        late: list[int] = []
        start = length = 0.0
        filled = deferred = 0
        while able or inner:
            queue = inner if not able or (inner and inner[0] < able[0]) else able
            newest, step = queue[0]
            end, free = finish[step], self._free * length
            if free < end:
                free = end
            rank = free - urgency[step] - nearness * inside[step]
            if rank > newest and deferred <= DEFERRED * filled:
                deferred += 1
                heappop(queue)
                heappush(inner, (rank, step))
                continue
            if not filling.take((step,)) and filled:
                break
            heappop(queue)
            filled += 1
            if needs[step] > start:
                start = needs[step]
            if end > length:
                length = end
            for child in self._freed(step):
                if needs[child] <= horizon:
                    heappush(inner, (finish[child] - urgency[child] - nearness * inside[child], child))
                else:
                    late.append(child)
        self._close(start + self.launch + length, [*late, *(step for _, step in inner)])

    def _freed(self, step: int) -> list[int]:
        """The children of a step that wait for no other."""
        waits, labels, finish, ends = self._waits, self.filling.labels, self._finish, self._ends
        parents, seconds = self.dag.parents, self.dag.seconds
        label = len(ends)
        children = []
        for child in self.dag.children[step]:
            waits[child] -= 1
            if waits[child]:
                continue
            begin = need = 0.0
            inside = 0
            for parent in parents[child]:
                if labels[parent] == label:
                    inside += 1
                    if finish[parent] > begin:
                        begin = finish[parent]
                elif ends[labels[parent]] > need:
                    need = ends[labels[parent]]
            finish[child], self._needs[child], self._inside[child] = begin + seconds[child], need, inside
            children.append(child)
        return children

    def _close(self, end: float, remaining: list[int]) -> None:
        """Closes a part; steps that were left can come into later ones."""
        self._ends.append(end)
        self.filling.next()
        for step in remaining:
            if self._inside[step]:
                self._needs[step] = max(self._needs[step], end)
                self._finish[step] = self.dag.seconds[step]
                self._inside[step] = 0
            heappush(self._coming, (self._needs[step], step))
