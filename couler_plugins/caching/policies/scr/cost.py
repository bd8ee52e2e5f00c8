"""What the next run of a workflow is expected to cost, given what a cache keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from couler_plugins.caching.policies.scr.shape import Shape

__all__ = ["Expected", "Trial"]

CHUNK = 8
"""The bits of a mask that one table look-up weighs."""


class Trial:
    """What would change if some steps were cached in other scenarios.

    Attributes:
        clock: when it was made; it holds as long as none of its steps has changed since.
        steps: what it changes, by step: the scenarios in which it is cached and computed, and its expected seconds.
        saved: seconds by which the expected cost falls.
    """

    __slots__ = ("clock", "saved", "steps")

    def __init__(self, clock: int) -> None:
        self.clock = clock
        self.steps: dict[int, tuple[int, int, float]] = {}
        self.saved = 0.0


class Expected:
    """The expected seconds of a workflow's next run: computing what is needed and not cached, loading what is.

    It is one sweep from the sinks to the sources. A step is needed in the scenarios in which it is a sink or a child is
    computed; it is loaded where what the cache has of it is valid, else computed. A trial sweeps only what it touches.

    Attributes:
        clock: counts the changes.
        work: counts the steps that trials have touched, and their children.
        cached: for each step, the scenarios in which a kept artifact is its result.
        computed: for each step, those in which it is computed: it is needed and not cached.
    """

    def __init__(
        self,
        shape: Shape,
        weights: Sequence[float],
        compute: Sequence[float],
        load: Sequence[float],
        wanted: Sequence[bool],
    ) -> None:
        """Nothing is cached yet.

        Args:
            shape: the workflow.
            weights: of the scenarios.
            compute: seconds of computing each step.
            load: seconds of loading each step's result.
            wanted: whether a step is needed whatever becomes of its children.
        """
        self.shape = shape
        self.compute = compute
        self.load = load
        self._everywhere = (1 << len(weights)) - 1
        self._always = [self._everywhere if asked else 0 for asked in wanted]
        self._tables = [_table(weights[start : start + CHUNK]) for start in range(0, len(weights), CHUNK)]
        self._weighed: dict[int, float] = {0: 0.0}
        self.clock = self.work = 0
        self.clear()

    def clear(self) -> None:
        """Nothing is cached any longer."""
        self.clock += 1
        self._stamps = [self.clock] * len(self.shape)
        self.cached = [0] * len(self.shape)
        self.computed = list(self._always)
        for node in reversed(range(len(self.shape))):
            for parent in self.shape.parents[node]:
                self.computed[parent] |= self.computed[node]
        for mask in self.computed:
            self._weigh(mask)
        self._costs = [seconds * self._weighed[mask] for seconds, mask in zip(self.compute, self.computed, strict=True)]

    def seconds(self) -> float:
        """The expected cost: the sum over all steps."""
        return sum(self._costs)

    def trial(self, cached: Mapping[int, int]) -> Trial:
        """What would change if these steps were cached in these scenarios.

        All time goes into this loop: what it looks up is in local names, and it calls nothing that it need not.
        """
        trial = Trial(self.clock)
        steps, saved, work = trial.steps, 0.0, 0
        parents, children = self.shape.parents, self.shape.children
        before, computing, costs = self.cached, self.computed, self._costs
        always, everywhere = self._always, self._everywhere
        compute, load, weighed = self.compute, self.load, self._weighed
        queue = [-node for node in cached]
        heapify(queue)
        queued = set(queue)
        while queue:
            node = -heappop(queue)
            have = cached[node] if node in cached else before[node]
            need = always[node]
            work += 1 + len(children[node])
            for child in children[node]:
                if need == everywhere:
                    break
                need |= steps[child][1] if child in steps else computing[child]
            computed = need & ~have
            loaded = need & have
            if computed not in weighed:
                self._weigh(computed)
            if loaded not in weighed:
                self._weigh(loaded)
            cost = compute[node] * weighed[computed] + load[node] * weighed[loaded]
            steps[node] = have, computed, cost
            saved += costs[node] - cost
            if computed != computing[node]:
                for parent in parents[node]:
                    if -parent not in queued:
                        queued.add(-parent)
                        heappush(queue, -parent)
        trial.saved = saved
        self.work += work
        return trial

    def holds(self, trial: Trial) -> bool:
        """Whether a trial would come out the same now."""
        return trial.clock == self.clock or max(map(self._stamps.__getitem__, trial.steps), default=0) <= trial.clock

    def commit(self, trial: Trial) -> None:
        """Makes a trial real."""
        self.clock += 1
        for node, (have, computed, cost) in trial.steps.items():
            self.cached[node] = have
            self.computed[node] = computed
            self._costs[node] = cost
            self._stamps[node] = self.clock

    def _weigh(self, mask: int) -> None:
        """Notes the weight of the scenarios in a mask."""
        parts = mask.to_bytes(len(self._tables), "little")
        self._weighed[mask] = sum([table[part] for table, part in zip(self._tables, parts, strict=True) if part])


def _table(weights: Sequence[float]) -> list[float]:
    """The weight of every subset of a few scenarios."""
    found = [0.0]
    for weight in weights:
        found += [part + weight for part in found]
    return found
