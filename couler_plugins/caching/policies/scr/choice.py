"""A set of kept artifacts, with what it saves and what adding to it or dropping from it would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from couler_plugins.caching.policies.scr.cost import Expected, Trial

__all__ = ["Artifact", "Choice"]


@dataclass(frozen=True)
class Artifact:
    """What can be kept.

    Attributes:
        size: in bytes.
        places: whose result it may be: a workflow's number, a step, and the scenarios in which it is.
    """

    size: int
    places: tuple[tuple[int, int, int], ...]


class Choice:
    """A set of kept artifacts, and what the next runs are expected to cost with it.

    Attributes:
        artifacts: what can be kept, by key.
        costs: of each workflow.
        room: the bytes that are left; below zero while a move is under way.
        kept: the keys, in the order in which they came.
        saved: the expected seconds that they save.
    """

    def __init__(self, artifacts: Mapping[str, Artifact], costs: Sequence[Expected], room: int) -> None:
        self.artifacts = artifacts
        self.costs = costs
        self.room = room
        self.kept: dict[str, None] = {}
        self.saved = 0.0
        self._at: dict[tuple[int, int], dict[str, int]] = {}
        self._gains: dict[tuple[str, ...], dict[int, Trial]] = {}
        self._losses: dict[str, dict[int, Trial]] = {}

    @property
    def work(self) -> int:
        """What was done so far to find this choice, in steps looked at."""
        return sum(cost.work for cost in self.costs)

    def missing(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are not kept."""
        return tuple([key for key in keys if key not in self.kept])

    def size(self, keys: Iterable[str]) -> int:
        """The bytes of these."""
        return sum([self.artifacts[key].size for key in keys])

    def gain(self, keys: tuple[str, ...]) -> float:
        """The seconds saved by keeping these as well; none of them is kept."""
        return _saved(self._adding(keys))

    def loss(self, key: str) -> float:
        """The seconds lost by no longer keeping this one; seldom below zero."""
        return -_saved(self._dropping(key))

    def add(self, keys: tuple[str, ...]) -> None:
        """Keeps these; none of them is kept."""
        trials = self._adding(keys)
        for key in keys:
            artifact = self.artifacts[key]
            self.kept[key] = None
            self.room -= artifact.size
            for owner, node, mask in artifact.places:
                self._at.setdefault((owner, node), {})[key] = mask
        self._commit(trials)

    def drop(self, key: str) -> None:
        """Keeps this one no longer."""
        trials = self._dropping(key)
        del self.kept[key]
        self.room += self.artifacts[key].size
        for owner, node, _ in self.artifacts[key].places:
            del self._at[owner, node][key]
        self._commit(trials)

    def clear(self) -> None:
        """Keeps nothing any longer."""
        self.room += self.size(self.kept)
        self.kept.clear()
        self.saved = 0.0
        self._at.clear()
        for cost in self.costs:
            cost.clear()

    def _adding(self, keys: tuple[str, ...]) -> dict[int, Trial]:
        found = self._gains.get(keys)
        if found is None or not self._hold(found):
            wanted: dict[int, dict[int, int]] = {}
            for key in keys:
                for owner, node, mask in self.artifacts[key].places:
                    nodes = wanted.setdefault(owner, {})
                    nodes[node] = nodes.get(node, self.costs[owner].cached[node]) | mask
            found = self._gains[keys] = self._trials(wanted)
        return found

    def _dropping(self, key: str) -> dict[int, Trial]:
        found = self._losses.get(key)
        if found is None or not self._hold(found):
            wanted: dict[int, dict[int, int]] = {}
            for owner, node, _ in self.artifacts[key].places:
                left = 0
                for other, mask in self._at[owner, node].items():
                    left |= mask if other != key else 0
                wanted.setdefault(owner, {})[node] = left
            found = self._losses[key] = self._trials(wanted)
        return found

    def _trials(self, wanted: Mapping[int, Mapping[int, int]]) -> dict[int, Trial]:
        return {owner: self.costs[owner].trial(nodes) for owner, nodes in wanted.items()}

    def _hold(self, trials: Mapping[int, Trial]) -> bool:
        return all(self.costs[owner].holds(trial) for owner, trial in trials.items())

    def _commit(self, trials: Mapping[int, Trial]) -> None:
        for owner, trial in trials.items():
            self.costs[owner].commit(trial)
        self.saved += _saved(trials)


def _saved(trials: Mapping[int, Trial]) -> float:
    return sum([trial.saved for trial in trials.values()])
