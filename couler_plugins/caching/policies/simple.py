"""Simple policies: none, all, FIFO, LRU, LFU and SIEVE; and how a cache of limited size is filled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar

from couler_plugins.caching.policies.lineages import touched
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, Run, StepRun


def fits(candidates: Iterable[Candidate], capacity: int | None) -> bool:
    """Whether all of them fit into `capacity` bytes; None is no limit."""
    return capacity is None or sum(candidate.bytes for candidate in candidates) <= capacity


def fill(order: Iterable[Candidate], capacity: int | None) -> Set[str]:
    """The keys of those that fit, taken in the order given; one that does not fit is passed over. Linear."""
    kept: set[str] = set()
    room = capacity
    for candidate in order:
        if room is None:
            kept.add(candidate.key)
        elif candidate.bytes <= room:
            kept.add(candidate.key)
            room -= candidate.bytes
    return kept


def best(candidates: Sequence[Candidate], worth: Callable[[Candidate], Any], capacity: int | None) -> Set[str]:
    """The keys of the worthiest that fit; of equals, the last used, then the smaller key. O(n log n)."""
    by_key = sorted(candidates, key=lambda one: one.key)
    return fill(sorted(by_key, key=lambda one: (worth(one), one.used), reverse=True), capacity)


@dataclass(frozen=True)
class Nothing(CachePolicy):
    """Keeps nothing: what the others are measured from."""

    name: ClassVar[str] = "none"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """No key at all."""
        return frozenset()


@dataclass(frozen=True)
class Everything(CachePolicy):
    """Keeps all that it is given, for caches without a limit; under one, what came first, and it replaces nothing."""

    name: ClassVar[str] = "all"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """Every key; under a capacity, the oldest that fit. O(n log n)."""
        return fill(sorted(candidates, key=lambda one: (one.created, one.key)), capacity)


@dataclass(frozen=True)
class Fifo(CachePolicy):
    """First in, first out: keeps what was made last."""

    name: ClassVar[str] = "fifo"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The newest that fit. O(n log n)."""
        return best(candidates, lambda one: one.created, capacity)


@dataclass(frozen=True)
class Lru(CachePolicy):
    """Least recently used goes first."""

    name: ClassVar[str] = "lru"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The last used that fit; of those used together, the newest. O(n log n)."""
        return best(candidates, lambda one: (one.used, one.created), capacity)


@dataclass(frozen=True)
class Lfu(CachePolicy):
    """Least frequently used goes first; among equals, the least recently used."""

    name: ClassVar[str] = "lfu"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The most used that fit. O(n log n)."""
        return best(candidates, lambda one: one.uses, capacity)


class _Queue:
    """A view of the history: the queue, oldest first, the bits, and the hand.

    The hand points at the next to be looked at; behind the newest it starts again at the oldest.
    """

    def __init__(self) -> None:
        self.order: list[str] = []
        self._visited: dict[str, bool] = {}
        self._hand = 0

    def observe(self, run: Run) -> None:
        """What was loaded from the queue is marked; what was computed joins it as the newest."""
        for step in touched(run):
            self.use(step)

    def decided(self, kept: Set[str]) -> None:
        """The hand goes on until all that is not kept is out, as it did when that was decided."""
        gone = self._visited.keys() - kept
        self._sweep(lambda key: key in kept, lambda: bool(gone), gone.discard)
        for key in sorted(kept - self._visited.keys()):
            self.join(key)

    def use(self, step: StepRun) -> None:
        """A step was computed or loaded."""
        if step.key not in self._visited:
            self.join(step.key)
        elif step.fate == "loaded":
            self._visited[step.key] = True

    def join(self, key: str, *, visited: bool = False) -> None:
        """A new one at the young end; one that is there already stays where it is."""
        if key not in self._visited:
            self.order.append(key)
            self._visited[key] = visited

    def copy(self) -> _Queue:
        """Another one to try a decision on."""
        other = _Queue()
        other.order, other._visited, other._hand = [*self.order], {**self._visited}, self._hand
        return other

    def narrow(self, keys: Set[str]) -> None:
        """Leaves these alone in the queue; the hand stays where it was among them."""
        self._hand = sum(key in keys for key in self.order[: self._hand])
        self.order = [key for key in self.order if key in keys]
        self._visited = {key: self._visited[key] for key in self.order}

    def evict(self, over: int, sizes: dict[str, int]) -> list[str]:
        """Evicts until `over` bytes are free, and says what, in order."""
        gone: list[str] = []

        def out(key: str) -> None:
            nonlocal over
            over -= sizes[key]
            gone.append(key)

        self._sweep(lambda key: False, lambda: over > 0, out)
        return gone

    def _sweep(self, spare: Callable[[str], bool], going: Callable[[], bool], out: Callable[[str], None]) -> None:
        """Moves the hand while `going`: clears the marks it meets, and hands `out` the unmarked that are not spared."""
        evicted: set[str] = set()
        while going():
            if self._hand >= len(self.order):
                self.order = [key for key in self.order if key not in evicted]
                self._hand = 0
                evicted.clear()
            key = self.order[self._hand]
            if self._visited[key]:
                self._visited[key] = False
            elif not spare(key):
                del self._visited[key]
                evicted.add(key)
                out(key)
            self._hand += 1
        self._hand -= sum(key in evicted for key in self.order[: self._hand])
        self.order = [key for key in self.order if key not in evicted]


@dataclass(frozen=True)
class Sieve(CachePolicy):
    """Evicts the oldest that was not used since the hand last passed it; those that were keep their place.

    What the history has not seen joins by its age, marked if it has been used since it was made.

    Source: Y. Zhang et al., SIEVE is Simpler than LRU, NSDI 2024, and its authors' libCacheSim. Sizes differ here, so
    the hand goes on until there is room; what it evicted last comes back if it fits after all.
    """

    name: ClassVar[str] = "sieve"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """What the hand leaves. O(n log n) for sorting what is new; the hand goes round at most twice and a bit."""
        by_key = {one.key: one for one in candidates}
        if capacity is None or fits(candidates, capacity):
            return by_key.keys()
        queue = self._queue(candidates, history)
        over = sum(one.bytes for one in candidates) - capacity
        gone = queue.evict(over, {one.key: one.bytes for one in candidates})
        return fill((by_key[key] for key in (*queue.order, *reversed(gone))), capacity)

    def _queue(self, candidates: Sequence[Candidate], history: History) -> _Queue:
        queue = history.view(_Queue).copy()
        for run in history.live:
            for step in touched(run):
                queue.use(step)
        for one in sorted(candidates, key=lambda one: (one.created, one.key)):
            queue.join(one.key, visited=one.uses > 1)
        queue.narrow({one.key for one in candidates})
        return queue
