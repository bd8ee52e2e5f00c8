"""What artifacts were made from: the graph behind the candidates, and what making one again would take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Set
from functools import cache
from typing import NamedTuple

from couler_plugins.documents.mappings import by_key, in_order, reached
from couler_plugins.runs import Candidate, History, Run, StepRun, median
from couler_plugins.runs.order import children_of

_FAR = 1000
"""How many ancestors are looked at for one artifact."""


class Made(NamedTuple):
    """How an artifact is made: its own seconds (None where unknown), its step's type, the keys it is made from."""

    seconds: float | None
    type: str
    parents: tuple[str, ...]


UNKNOWN = Made(None, "", ())
"""What no run has named: made from nothing, in an unknown time."""


class Lineages:
    """A view of the history: how each key that a run has named is made."""

    def __init__(self) -> None:
        self.made: dict[str, Made] = {}

    def observe(self, run: Run) -> None:
        """A run names its steps; the seconds that it does not know, an earlier run may have known."""
        for step in run.steps:
            old = self.made.get(step.key)
            seconds = old.seconds if old and step.seconds is None else step.seconds
            self.made[step.key] = Made(seconds, step.type, tuple(run.steps[parent].key for parent in step.parents))

    def decided(self, kept: Set[str]) -> None:
        """What is kept changes nothing in how things are made."""


class Estimates:
    """Seconds of steps where they are unknown: the median of the known ones of their type, else of all, else 1.

    So an unknown cost is neither free nor beyond price. Where nothing at all is known, one second for each leaves it
    to uses and bytes to decide.
    """

    def __init__(self, pairs: Iterable[tuple[str, float | None]]) -> None:
        of_type = by_key((kind, seconds) for kind, seconds in pairs if seconds is not None)
        everything = [seconds for some in of_type.values() for seconds in some]
        self._of_type = {kind: median(some) for kind, some in of_type.items()}
        self._of_any = median(everything) if everything else 1.0

    def __call__(self, kind: str, seconds: float | None) -> float:
        """The seconds if they are known, else the estimate for that type."""
        return self._of_type.get(kind, self._of_any) if seconds is None else seconds


class Ancestry:
    """Artifacts and all that they are made from, parents before children. Building it is linear in steps and edges.

    Attributes:
        keys: the keys; `index` gives the position of each.
        parents: the positions that each is made from, all smaller than its own.
        children: the positions that are made from each, all larger than its own.
        seconds: what computing each takes by itself, estimated where unknown.
    """

    def __init__(self, lineages: Mapping[str, Made]) -> None:
        """Takes how each was made; every parent must be there too."""
        self.keys = _topological({key: one.parents for key, one in lineages.items()})
        self.index = {key: at for at, key in enumerate(self.keys)}
        self.parents = [
            sorted({self.index[parent] for parent in lineages[key].parents if self.index[parent] < at})
            for at, key in enumerate(self.keys)
        ]
        self.children = children_of(self.parents)
        estimate = Estimates((one.type, one.seconds) for one in lineages.values())
        self.seconds = [estimate(lineages[key].type, lineages[key].seconds) for key in self.keys]

    @classmethod
    def of(cls, candidates: Iterable[Candidate], history: History, more: Iterable[Run] = ()) -> Ancestry:
        """That of the candidates, by what they say of themselves and what the runs said; with all steps of `more`."""
        past, live = history.view(Lineages).made, Lineages()
        for run in (*more, *history.live):
            live.observe(run)
        own = {one.key: Made(one.seconds, one.type, one.parents) for one in candidates}
        start = dict.fromkeys([*own, *(step.key for run in more for step in run.steps)])

        def lookup(key: str) -> Made:
            seen = live.made.get(key) or past.get(key) or UNKNOWN
            return _merged(own[key], seen) if key in own else seen

        return cls(reach(start, lookup))

    def recompute(self, at: int, loads: Mapping[int, float]) -> tuple[float, Set[int]]:
        """Seconds for making one again: itself and its ancestors, up to those that can be loaded; and which those are.

        Beyond the nearest thousand ancestors it stops: then the result is what it takes at least.

        Args:
            at: its position.
            loads: the seconds that loading takes, by the position of what need not be computed.
        """
        computed, loaded, level = [at], set[int](), [at]
        met = {at}
        while level and len(computed) < _FAR:
            above = []
            for one in level:
                for parent in self.parents[one]:
                    if parent not in met:
                        met.add(parent)
                        if parent in loads:
                            loaded.add(parent)
                        else:
                            above.append(parent)
            level = above
            computed += level
        return math.fsum([self.seconds[one] for one in computed]) + math.fsum([loads[one] for one in loaded]), loaded


def reach(keys: Iterable[str], lookup: Callable[[str], Made]) -> dict[str, Made]:
    """How these keys and all their ancestors are made."""
    lookup = cache(lookup)
    return {key: lookup(key) for key in reached(keys, lambda key: lookup(key).parents)}


def _merged(one: Made, seen: Made) -> Made:
    """What is said of a candidate, completed by what the runs said."""
    seconds = seen.seconds if one.seconds is None else one.seconds
    return Made(seconds, one.type or seen.type, one.parents or seen.parents)


def _topological(parents: dict[str, tuple[str, ...]]) -> list[str]:
    """Parents before children, by key where either may come first. What claims to be its own ancestor comes last."""
    children = by_key((parent, key) for key in sorted(parents) for parent in set(parents[key]))
    order = in_order({key: children.get(key, []) for key in sorted(parents)})
    return order + sorted(parents.keys() - set(order))


def touched(run: Run) -> Iterable[StepRun]:
    """The steps of a run that were computed or loaded so far, in order."""
    return (step for step in run.steps if step.fate in ("computed", "loaded"))
