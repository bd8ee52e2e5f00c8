"""Moves of steps off the critical chain of parts, each kept where it makes nothing worse."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from random import Random

from couler_plugins.hookspecs.dag import UNLIMITED
from couler_plugins.parallelism.solution import Solution

CLOSURE, SWAP = 60, 6
TRIES, RENEWALS, LOOKS = 30, 20, 12
LEEWAY = 0.001
"""How much later than now all may end, as a share, for a move to be tried: fewer edges between parts may pay for it."""
EDGES = 2_000
"""Of steps that move together; more make a try dearer than it is worth."""


class Search:
    """A seeded search that walks along plateaus: what is as good is kept as well.

    A unit of effort is one try.
    """

    def __init__(self, solution: Solution, seed: int) -> None:
        self.solution = solution
        self._random = Random(seed)  # noqa: S311 - a search, not a secret
        parts, dag = solution.parts, solution.dag
        used, each = (parts.bytes, parts.steps, parts.pods), (dag.bytes, dag.steps, dag.pods)
        self._limited = [item for item in zip(used, parts.limits, each, strict=True) if item[1] < UNLIMITED]
        """What is limited: what each part takes of it, the limit, and what each step takes."""
        self._chain: list[int] = []
        self._paths: dict[int, list[int]] = {}
        self._tolerance = 0.0
        self._failed = 0
        self._renewed = 0

    def run(self, effort: int, tolerance: float = 0.0) -> None:
        """Tries that many moves.

        Args:
            effort: how many.
            tolerance: how far above the least value so far it may go at first, as a share; in the end not at all.
        """
        solution = self.solution
        least = solution.value
        self._renew()
        for number in range(effort):
            if len(solution.parts) < 2:
                return
            before = solution.value
            least = min(least, before)
            allowed = least * (1 + tolerance * (1 - number / effort))
            self._tolerance = max(0.0, allowed / before - 1)
            if self._try():
                self._paths.clear()
            self._failed += 1
            if solution.value < before or self._failed >= TRIES:
                self._renew()

    def _renew(self) -> None:
        self._failed = 0
        self._renewed += 1
        if self._renewed % RENEWALS == 0:
            self._reorder()
        self._chain = self._critical_chain()
        self._paths.clear()

    def _critical_chain(self) -> list[int]:
        """Parts each of which waits for the one before, up to one that ends last; ties are drawn."""
        parts, times, random = self.solution.parts, self.solution.times, self._random
        end, makespan = times.end, times.makespan
        part = random.choice([part for part in parts.order if end[part] == makespan])
        chain = [part]
        while parts.into[part]:
            start, last = 0.0, []
            for other in parts.into[part]:
                if end[other] > start:
                    start, last = end[other], [other]
                elif end[other] == start:
                    last.append(other)
            part = last[0] if len(last) == 1 else random.choice(sorted(last))
            chain.append(part)
        return chain[::-1]

    def _reorder(self) -> None:
        """Orders the parts anew by start, finish or latest start, so that moves have other parts to go to."""
        parts, times = self.solution.parts, self.solution.times
        by = self._random.randrange(3)
        if by == 2:
            key = [-(times.after[part] + times.length[part]) for part in range(len(parts.members))]
        else:
            key = [times.end[part] - (times.length[part] if by == 0 else 0.0) for part in range(len(parts.members))]
        waits = {part: len(parts.into[part]) for part in parts.order}
        ready = [(key[part], part) for part in parts.order if not waits[part]]
        heapq.heapify(ready)
        order = []
        while ready:
            _, part = heapq.heappop(ready)
            order.append(part)
            for other in parts.out[part]:
                waits[other] -= 1
                if not waits[other]:
                    heapq.heappush(ready, (key[other], other))
        parts.reorder(order)

    def _try(self) -> bool:
        solution, random = self.solution, self._random
        step = self._pick()
        if step is None:
            return False
        steps = self._closure(step)
        if steps is None:
            return False
        low, high = solution.between(steps)
        at = solution.parts.part[step]
        if random.random() < 0.05:
            return solution.attempt_alone(steps, self._tolerance)
        if low == high:
            return False
        to = self._target(low, high, at)
        back: list[int] = []
        if random.random() < 0.1 or not self._roomy(steps, (), to):
            back = self._in_return(steps, to, at)
            if not self._roomy(steps, back, to):
                return False
        elif self._too_late(steps, to, at):
            return False
        return solution.attempt([*((one, to) for one in steps), *((one, at) for one in back)], self._tolerance)

    def _pick(self) -> int | None:
        parts, random, chain = self.solution.parts, self._random, self._chain
        if len(chain) > 1 and random.random() < 0.4:
            place = random.randrange(1, len(chain))
            return self._crossing(chain[place - 1], chain[place])
        part = random.choice(chain)
        if not parts.members[part]:
            return None
        if part not in self._paths:
            self._paths[part] = self.solution.times.path(part)
        return random.choice(self._paths[part])

    def _crossing(self, before: int, after: int) -> int | None:
        """An end of an edge between two parts; None where a few looks find no such edge."""
        parts, parents, random = self.solution.parts, self.solution.dag.parents, self._random
        members, part = parts.members[after], parts.part
        for _ in range(LOOKS if members else 0):
            step = random.choice(members)
            across = [parent for parent in parents[step] if part[parent] == before]
            if across:
                return random.choice(across) if random.random() < 0.5 else step
        return None

    def _closure(self, step: int) -> list[int] | None:
        """The step alone, or with its descendants or ancestors in its part; None where that is too much."""
        draw, dag = self._random.random(), self.solution.dag
        if draw < 0.5:
            closure = [step]
        else:
            part = self.solution.parts.part
            links: Sequence[Sequence[int]] = dag.children if draw < 0.75 else dag.parents
            closure, seen = [step], {step}
            for one in closure:
                for other in links[one]:
                    if part[other] == part[step] and other not in seen:
                        seen.add(other)
                        closure.append(other)
                if len(closure) > CLOSURE:
                    return None
        edges = sum(len(dag.parents[one]) + len(dag.children[one]) for one in closure)
        return closure if edges <= EDGES else None

    def _target(self, low: int, high: int, at: int) -> int:
        """A part from one place to another, other than their own."""
        order, place = self.solution.parts.order, self.solution.parts.place[at]
        drawn = self._random.randrange(low, high)
        return order[drawn if drawn < place else drawn + 1]

    def _roomy(self, steps: Sequence[int], back: Sequence[int], to: int) -> bool:
        """Whether a part has room for steps when others have left it, what crosses its border left aside."""
        return all(
            used[to] + sum(map(each.__getitem__, steps)) - sum(map(each.__getitem__, back)) <= limit
            for used, limit, each in self._limited
        )

    def _too_late(self, steps: Sequence[int], to: int, at: int) -> bool:
        """Whether all would end later with steps in another part, by what these need, and what needs them."""
        parts, times, dag = self.solution.parts, self.solution.times, self.solution.dag
        part, end, length, after, pair = parts.part, times.end, times.length, times.after, (at, to)
        # Without steps their own part is shorter: what is known of parts that depend on it says nothing.
        start = 0.0 if at in parts.into[to] else end[to] - length[to] - times.launch
        ahead = 0.0 if at in parts.out[to] else after[to]
        for step in steps:
            for parent in dag.parents[step]:
                other = part[parent]
                if end[other] > start and other not in pair:
                    start = end[other]
            for child in dag.children[step]:
                other = part[child]
                if other not in pair:
                    ahead = max(ahead, times.launch + length[other] + after[other])
        latest = times.makespan * (1 + self._tolerance + LEEWAY)
        return start + times.launch + length[to] + ahead > latest and len(steps) < len(parts.members[at])

    def _in_return(self, steps: Sequence[int], to: int, at: int) -> list[int]:
        """Some steps of a part that can go to the part that others come from, when these have come."""
        parts, dag, random = self.solution.parts, self.solution.dag, self._random
        place, part, members = parts.place, parts.part, parts.members[to]
        there, coming = place[at], set(steps)
        cycle: list[int] = []
        for _ in range(SWAP):
            step = random.choice(members)
            if step in cycle:
                continue
            for parent in dag.parents[step]:
                if place[to if parent in coming else part[parent]] > there:
                    break
            else:
                for child in dag.children[step]:
                    if place[to if child in coming else part[child]] < there:
                        break
                else:
                    cycle.append(step)
        return cycle
