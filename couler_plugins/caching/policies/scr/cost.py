"""What the next run of a workflow is expected to cost, given what a cache keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from couler_plugins.caching.policies.scr.shape import Shape

CHUNK = 8
"""The bits of a mask that one table look-up weighs."""


class Trial:
    """What would change if some steps were cached in other scenarios.

    Attributes:
        clock: when it was made; it holds as long as none of its steps has changed since.
        steps: what it changes, by step: the scenarios in which it is cached, needed and computed.
        saved: seconds by which the expected cost falls.
    """

    __slots__ = ("clock", "saved", "steps")

    def __init__(self, clock: int) -> None:
        self.clock = clock
        self.steps: dict[int, tuple[int, int, int]] = {}
        self.saved = 0.0


class Expected:
    """The expected seconds of a workflow's next run: computing what is needed and not cached, loading what is.

    It is one sweep from the sinks to the sources. A step is needed in the scenarios in which it is a sink or a child is
    computed; it is loaded where what the cache has of it is valid, else computed. A trial follows only what changes: it
    hands on to a step's parents the scenarios in which the step is no longer computed, or is computed anew.

    Attributes:
        clock: counts the changes.
        work: counts the steps that trials have looked at.
        cached: for each step, the scenarios in which a kept artifact is its result.
        needed: for each step, those in which its result is needed.
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
        everywhere = (1 << len(weights)) - 1
        self._wanted = [everywhere if asked else 0 for asked in wanted]
        self._weights = _Weights(weights)
        self.clock = self.work = 0
        self.clear()

    def clear(self) -> None:
        """Nothing is cached any longer."""
        self.clock += 1
        self._stamps = [self.clock] * len(self.shape)
        self.cached = [0] * len(self.shape)
        self.needed = list(self._wanted)
        for node in reversed(range(len(self.shape))):
            for parent in self.shape.parents[node]:
                self.needed[parent] |= self.needed[node]
        self.computed = list(self.needed)

    def seconds(self) -> float:
        """The expected cost: the sum over all steps."""
        weigh = self._weights.__getitem__
        computing = sum([seconds * weigh(mask) for seconds, mask in zip(self.compute, self.computed, strict=True)])
        loads = zip(self.load, self.needed, self.cached, strict=True)
        return computing + sum([seconds * weigh(need & have) for seconds, need, have in loads])

    def adding(self, more: Mapping[int, int]) -> Trial:
        """What would change if these steps were cached in these scenarios as well.

        All time goes into this loop and the next: what they look up is in local names, and they call nothing that they
        need not.
        """
        trial = Trial(self.clock)
        steps, saved, work = trial.steps, 0.0, 0
        parents, children = self.shape.parents, self.shape.children
        cached, needed, computing = self.cached, self.needed, self.computed
        compute, load, weights = self.compute, self.load, self._weights
        less: dict[int, int] = {}
        queue = [-node for node in more]
        heapify(queue)
        while queue:
            node = -heappop(queue)
            have, need, computed = cached[node], needed[node], computing[node]
            fall = 0
            if gone := less.get(node, 0):
                for child in children[node]:
                    work += 1
                    gone &= ~(steps[child][2] if child in steps else computing[child])
                    if not gone:
                        break
                else:
                    fall = gone & computed
                    need ^= gone
                    saved += compute[node] * weights[fall] + load[node] * weights[gone ^ fall]
            if node in more:
                have |= more[node]
                fallen = computed & ~fall & have
                fall |= fallen
                saved += (compute[node] - load[node]) * weights[fallen]
            steps[node] = have, need, computed ^ fall
            if fall:
                for parent in parents[node]:
                    if parent in less:
                        less[parent] |= fall
                    else:
                        less[parent] = fall
                        if parent not in more:
                            heappush(queue, -parent)
        trial.saved = saved
        self.work += work + len(steps)
        return trial

    def dropping(self, masks_left: Mapping[int, int]) -> Trial:
        """What would change if these steps were cached in these of their scenarios only."""
        trial = Trial(self.clock)
        steps, lost = trial.steps, 0.0
        parents, cached, needed, computing = self.shape.parents, self.cached, self.needed, self.computed
        compute, load, weights = self.compute, self.load, self._weights
        stack: list[tuple[int, int]] = []
        for node, have in masks_left.items():
            rise = needed[node] & cached[node] & ~have
            steps[node] = have, needed[node], computing[node] | rise
            lost += (compute[node] - load[node]) * weights[rise]
            stack += [(parent, rise) for parent in parents[node] if rise]
        while stack:
            node, rise = stack.pop()
            have, need, computed = steps[node] if node in steps else (cached[node], needed[node], computing[node])
            come = rise & ~need
            rise = come & ~have
            steps[node] = have, need | come, computed | rise
            if come:
                lost += compute[node] * weights[rise] + load[node] * weights[come ^ rise]
                if rise:
                    stack += [(parent, rise) for parent in parents[node]]
        trial.saved = -lost
        self.work += len(steps)
        return trial

    def holds(self, trial: Trial) -> bool:
        """Whether a trial would come out the same now."""
        return trial.clock == self.clock or max(map(self._stamps.__getitem__, trial.steps), default=0) <= trial.clock

    def commit(self, trial: Trial) -> Trial:
        """Makes a trial real, and gives the one that takes it back."""
        self.clock += 1
        back = Trial(self.clock)
        back.saved = -trial.saved
        for node, (have, need, computed) in trial.steps.items():
            back.steps[node] = self.cached[node], self.needed[node], self.computed[node]
            self.cached[node] = have
            self.needed[node] = need
            self.computed[node] = computed
            self._stamps[node] = self.clock
        return back


class _Weights(dict[int, float]):
    """The weight of the scenarios in a mask, worked out when it is first asked for."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__({0: 0.0})
        self._single = {1 << place: weight for place, weight in enumerate(weights)}
        self._tables = [_table(weights[start : start + CHUNK]) for start in range(0, len(weights), CHUNK)]

    def __missing__(self, mask: int) -> float:
        if mask.bit_count() <= len(self._tables) // 2:
            weight, remaining = 0.0, mask
            while remaining:
                lowest = remaining & -remaining
                weight += self._single[lowest]
                remaining ^= lowest
        else:
            parts = mask.to_bytes(len(self._tables), "little")
            weight = sum([table[part] for table, part in zip(self._tables, parts, strict=True) if part])
        self[mask] = weight
        return weight


def _table(weights: Sequence[float]) -> list[float]:
    """The weight of every subset of a few scenarios."""
    sums = [0.0]
    for weight in weights:
        sums += [part + weight for part in sums]
    return sums
