"""When the parts of a split run, kept exact while a search changes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from heapq import heapify, heappop, heappush

from couler_plugins.parallelism.state import Parts


class Times:
    """The schedule of a split: each part starts a launch after the last part that it needs.

    Lists are by the id of the part; seconds.

    Attributes:
        launch: what starting a part takes.
        length: the critical path inside each part.
        end: when each part has ended.
        after: the longest path from a part's end to the end of all.
        finish: of each step, the longest path inside its part up to its end.
    """

    def __init__(self, parts: Parts, launch: float) -> None:
        self.parts = parts
        self.launch = launch
        self.finish = [0.0] * len(parts.dag)
        self.ripple(range(len(parts.dag)))
        self.length = [self.longest(part) for part in range(len(parts.members))]
        self.end = [0.0] * len(parts.members)
        self.after = [0.0] * len(parts.members)
        self.renew()

    @property
    def makespan(self) -> float:
        """When all parts have ended."""
        return max(self.end, default=0.0)

    def add(self, part: int) -> None:
        """Makes room for a part that is new."""
        for column in (self.length, self.end, self.after):
            if part == len(column):
                column.append(0.0)
            column[part] = 0.0

    def start(self, part: int) -> float:
        """When the last part that this one needs has ended."""
        return max((self.end[other] for other in self.parts.into[part]), default=0.0)

    def longest(self, part: int) -> float:
        """The seconds of the critical path inside a part, from its steps' finishes."""
        return max(map(self.finish.__getitem__, self.parts.members[part]), default=0.0)

    def ripple(self, moved: Sequence[int]) -> list[tuple[int, float]]:
        """Works out the finishes again of steps that moved, and of those that follow from them.

        O(the steps whose finish changes, and their edges).

        Args:
            moved: steps that have moved between two parts.

        Returns:
            The steps whose finishes were others, with these, for `restore`.
        """
        parents, children, seconds, of, finish = (
            self.parts.dag.parents, self.parts.dag.children, self.parts.dag.seconds, self.parts.part, self.finish,
        )  # fmt: skip
        seen = set(moved)
        for step in moved:
            seen.update(children[step])
        queue = list(seen)
        heapify(queue)
        log: list[tuple[int, float]] = []
        while queue:
            step = heappop(queue)
            part = of[step]
            now = 0.0
            for parent in parents[step]:
                if of[parent] == part and finish[parent] > now:
                    now = finish[parent]
            now += seconds[step]
            if now != finish[step]:
                log.append((step, finish[step]))
                finish[step] = now
                for child in children[step]:
                    if of[child] == part and child not in seen:
                        seen.add(child)
                        heappush(queue, child)
        return log

    def restore(self, log: Iterable[tuple[int, float]]) -> None:
        """Takes back a ripple."""
        for step, before in log:
            self.finish[step] = before

    def path(self, part: int) -> list[int]:
        """The steps on one critical path inside a part, last first."""
        finish, of, parents = self.finish, self.parts.part, self.parts.dag.parents
        step = max(self.parts.members[part], key=finish.__getitem__)
        path = [step]
        while inside := [parent for parent in parents[step] if of[parent] == part]:
            step = max(inside, key=finish.__getitem__)
            path.append(step)
        return path

    def renew(self) -> None:
        """Works out all ends and what comes after them. O(parts and the pairs that need each other)."""
        self.shift(set(self.parts.order), 0, None)
        self.look_ahead(set(self.parts.order), len(self.parts.order) - 1)

    def shift(self, changed: Collection[int], first: int, limit: float | None) -> list[tuple[int, float]] | None:
        """Works out the ends again of parts that changed, and of those that follow from them.

        Args:
            changed: parts whose length or needs changed.
            first: the first of their places.
            limit: the makespan beyond which to give up.

        Returns:
            The parts whose ends were others, with these, for `back`; None where the limit was exceeded, with all ends
            as they were.
        """
        parts, end, after, length, launch = self.parts, self.end, self.after, self.length, self.launch
        order, into, out = parts.order, parts.into, parts.out
        last = max((parts.place[part] for part in changed), default=0)
        dirty = set(changed)
        for part in changed:
            dirty |= out[part]
        log: list[tuple[int, float]] = []
        for place in range(first, len(order)):
            part = order[place]
            if part not in dirty:
                continue
            now = 0.0
            for other in into[part]:
                if end[other] > now:
                    now = end[other]
            now += launch + length[part]
            if now != end[part]:
                log.append((part, end[part]))
                end[part] = now
                # What comes after a part is known only beyond the last that changed.
                if limit is not None and now + (after[part] if place > last else 0.0) > limit:
                    self.back(log)
                    return None
                dirty |= out[part]
        return log

    def back(self, log: Iterable[tuple[int, float]]) -> None:
        """Takes back a shift."""
        for part, before in log:
            self.end[part] = before

    def look_ahead(self, changed: Collection[int], last: int) -> None:
        """Works out again what comes after the parts that changed and those before them.

        Args:
            changed: parts whose length or followers changed.
            last: the last of their places.
        """
        parts, after, length, launch = self.parts, self.after, self.length, self.launch
        order, into, out = parts.order, parts.into, parts.out
        dirty = set(changed)
        for part in changed:
            dirty |= into[part]
        for place in range(last, -1, -1):
            part = order[place]
            if part not in dirty:
                continue
            most = 0.0
            for other in out[part]:
                ahead = launch + length[other] + after[other]
                if ahead > most:
                    most = ahead
            if most != after[part]:
                after[part] = most
                dirty |= into[part]
