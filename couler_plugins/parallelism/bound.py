"""The makespan of a split, and what no split goes below."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.simulation.schedule import schedule


def barrier_makespan(dag: Dag, labels: Sequence[int], launch: float) -> float:
    """When the last part ends, each starting `launch` seconds after the last part that it needs; seconds. O(V + E).

    Inside a part, steps run as soon as their parents in the part have ended, on as many workers as they want.

    Args:
        dag: the graph.
        labels: of each step its part; they never fall along an edge.
        launch: seconds that starting a part takes.
    """
    number = {label: place for place, label in enumerate(sorted(set(labels)))}
    lengths = [0.0] * len(number)
    needs: list[set[int]] = [set() for _ in number]
    ends: list[float] = []
    for step, above in enumerate(dag.parents):
        label = labels[step]
        part = number[label]
        start = 0.0
        for parent in above:
            if labels[parent] == label:
                start = max(start, ends[parent])
            else:
                needs[part].add(number[labels[parent]])
        ends.append(start + dag.seconds[step])
        lengths[part] = max(lengths[part], ends[step])
    return schedule(lengths, [sorted(some) for some in needs], launch=launch).makespan


def fewest_parts(dag: Dag, budget: Budget) -> int:
    """The number of parts that no split goes below: the sizes of all steps over the budget, whatever crosses."""
    if not len(dag):
        return 0
    limit_bytes, limit_steps, limit_pods = budget.limits
    room = (max(1, limit_bytes - dag.wrapper), limit_steps, limit_pods)
    totals = (sum(dag.bytes) + dag.shared(range(len(dag))), sum(dag.steps), sum(dag.pods))
    return max(1, *(-(-total // most) for total, most in zip(totals, room, strict=True)))


def makespan_bound(dag: Dag, budget: Budget, launch: float) -> float:
    """Seconds that the makespan of no split within the budget goes below; the better of the graph and its reverse."""
    return max(_forward(dag, budget, launch), _forward(dag.reversed(), budget, launch))


def _forward(dag: Dag, budget: Budget, launch: float) -> float:
    """The latest of the times before which a step cannot end.

    Of a step's ancestors, latest end first, let x be the first that is not in the step's part. Then the part starts a
    launch after the end of x at the earliest, and those before x are in it: so is every path through them to the step.
    Only so many can come before x as fit beside the step; the x that makes it end first counts.
    """
    ends: list[float] = []
    for step, above in enumerate(dag.parents):
        floor = max((ends[parent] for parent in above), default=launch) + dag.seconds[step]
        ends.append(_end(dag, budget.limits, launch, step, ends, floor) if above else floor)
    return max(ends, default=0.0)


def _end(
    dag: Dag, limits: tuple[int, int, int], launch: float, step: int, ends: Sequence[float], floor: float
) -> float:
    """When a step ends at the earliest, with the best choice of the first ancestor that is in another part."""
    parents, seconds = dag.parents, dag.seconds
    size, count, pods = dag.wrapper + dag.bytes[step], dag.steps[step], dag.pods[step]
    path = seconds[step]
    below = dict.fromkeys(parents[step], path)
    """Of ancestors, the longest path from their end on to the step's, through those that are in its part."""
    queue = [(-ends[parent], parent) for parent in below]
    heapq.heapify(queue)
    least = math.inf
    while queue:
        end, ancestor = heapq.heappop(queue)
        least = min(least, launch - end + path)
        if least <= floor:
            return floor
        size += dag.bytes[ancestor]
        count += dag.steps[ancestor]
        pods += dag.pods[ancestor]
        if size > limits[0] or count > limits[1] or pods > limits[2]:
            return least
        length = below[ancestor] + seconds[ancestor]
        path = max(path, length)
        for parent in parents[ancestor]:
            bound = below.get(parent)
            if bound is None:
                heapq.heappush(queue, (-ends[parent], parent))
            if bound is None or bound < length:
                below[parent] = length
    return max(floor, min(least, launch + path))
