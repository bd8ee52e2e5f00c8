"""Moves of steps off the critical chain of parts, each kept where it makes nothing worse."""

from __future__ import annotations

import heapq
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from couler_plugins.parallelism.solution import Solution

__all__ = ["Search"]

CLOSURE, SWAP = 60, 6
TRIES, RENEWALS, LOOKS = 30, 20, 12
EDGES = 2_000
"""Of steps that move together; more make a try dearer than it is worth."""


class Search:
    """A seeded search that walks along plateaus: what is as good is kept as well.

    A unit of effort is one try.
    """

    def __init__(self, solution: Solution, seed: int) -> None:
        self.solution = solution
        self._random = Random(seed)  # noqa: S311 - a search, not a secret
        self._chain: list[int] = []
        self._paths: dict[int, list[int]] = {}
        self._tolerance = 0.0
        self._failed = 0
        self._renewed = 0

    def run(self, effort: int, tolerance: float = 0.0) -> None:
        """Tries that many moves, each of which may raise the value by a share of it."""
        solution = self.solution
        self._tolerance = tolerance
        self._renew()
        for _ in range(effort):
            if len(solution.parts) < 2:
                return
            before = solution.value
            kept = self._try()
            if kept:
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
            return solution.attempt_alone(steps)
        if low == high:
            return False
        to = self._target(steps, low, high, at)
        if to is None:
            return False
        moves = [(one, to) for one in steps]
        if random.random() < 0.1 or not self._roomy(steps, to):
            moves += self._in_return(steps, to, at)
        return solution.attempt(moves, self._tolerance)

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
            found = [step]
        else:
            part = self.solution.parts.part
            links: Sequence[Sequence[int]] = dag.children if draw < 0.75 else dag.parents
            found, seen = [step], {step}
            for one in found:
                for other in links[one]:
                    if part[other] == part[step] and other not in seen:
                        seen.add(other)
                        found.append(other)
                if len(found) > CLOSURE:
                    return None
        edges = sum(len(dag.parents[one]) + len(dag.children[one]) for one in found)
        return found if edges <= EDGES else None

    def _target(self, steps: Sequence[int], low: int, high: int, at: int) -> int | None:
        """A part from one place to another, other than their own."""
        order, place = self.solution.parts.order, self.solution.parts.place[at]
        drawn = self._random.randrange(low, high)
        return order[drawn if drawn < place else drawn + 1]

    def _roomy(self, steps: Sequence[int], to: int) -> bool:
        """Whether a part has room for steps, what crosses its border left aside."""
        parts, dag = self.solution.parts, self.solution.dag
        limit_bytes, limit_steps, limit_pods = parts.limits
        return (
            parts.steps[to] + sum(dag.steps[step] for step in steps) <= limit_steps
            and parts.bytes[to] + sum(dag.bytes[step] for step in steps) <= limit_bytes
            and parts.pods[to] + sum(dag.pods[step] for step in steps) <= limit_pods
        )

    def _in_return(self, steps: Sequence[int], to: int, at: int) -> list[tuple[int, int]]:
        """Some steps of a part that can go to the part that others come from, when these have come."""
        parts, dag, random = self.solution.parts, self.solution.dag, self._random
        place, part, members = parts.place, parts.part, parts.members[to]
        there, coming = place[at], set(steps)
        found: list[tuple[int, int]] = []
        for _ in range(SWAP):
            step = random.choice(members)
            if (step, at) in found:
                continue
            above = (place[to if parent in coming else part[parent]] for parent in dag.parents[step])
            below = (place[to if child in coming else part[child]] for child in dag.children[step])
            if all(other <= there for other in above) and all(other >= there for other in below):
                found.append((step, at))
        return found
