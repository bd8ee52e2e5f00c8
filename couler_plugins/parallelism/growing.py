"""Parts that are grown one after the other, each from what ends first once it has started."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from couler_plugins.parallelism.packing import Filling

if TYPE_CHECKING:
    from couler_plugins.parallelism.budget import Budget
    from couler_plugins.parallelism.dag import Dag

__all__ = ["grow"]

WAITING = 8
"""How many times as many as were taken may wait to be ranked anew when a part starts; beyond, old ranks stay."""


def grow(dag: Dag, budget: Budget, urgency: float) -> list[int]:
    """Fills parts one after the other with the step that is ready and ranks lowest. O((V + E) log V).

    A step ranks by when it would end after the start of the part, less its urgency: the longest path from its start on.
    What starts late in one part starts at once in the next, and so the ranks of all that wait are taken anew then.

    Args:
        dag: the graph.
        budget: that every step fits by itself.
        urgency: seconds that one second of the path from a step on is worth.
    """
    ahead = dag.tails()
    waits = [len(above) for above in dag.parents]
    finish = list(dag.seconds)
    filling = Filling(dag, budget)
    labels, seconds = filling.labels, dag.seconds
    ready = [(finish[step] - urgency * ahead[step], step) for step, wait in enumerate(waits) if not wait]
    heapify(ready)
    taken = 0
    while ready:
        _, step = heappop(ready)
        if not filling.take((step,)):
            filling.next()
            if len(ready) <= WAITING * taken:
                ready.append((0.0, step))
                for _, other in ready:
                    finish[other] = seconds[other]
                ready = [(finish[other] - urgency * ahead[other], other) for _, other in ready]
                heapify(ready)
                _, step = heappop(ready)
            finish[step] = seconds[step]
            filling.take((step,))
            taken = 0
        taken += 1
        label = labels[step]
        for child in dag.children[step]:
            waits[child] -= 1
            if not waits[child]:
                start = 0.0
                for parent in dag.parents[child]:
                    if labels[parent] == label and finish[parent] > start:
                        start = finish[parent]
                finish[child] = start + seconds[child]
                heappush(ready, (finish[child] - urgency * ahead[child], child))
    return labels
