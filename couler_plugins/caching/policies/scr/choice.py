"""A set of kept artifacts, with what it saves and what adding to it or dropping from it would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from couler_plugins.caching.policies.scr.cost import Expected, Trial


@dataclass(frozen=True)
class Artifact:
    """What can be kept.

    Attributes:
        size: in bytes.
        places: whose result it may be: a workflow's number, a step, and the scenarios in which it is.
    """

    size: int
    places: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Effect:
    """What adding or dropping artifacts does to the workflows that have them."""

    saved: float
    trials: tuple[tuple[Expected, Trial], ...]

    def holds(self) -> bool:
        """Whether it would still do that."""
        return all(cost.holds(trial) for cost, trial in self.trials)


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
        self._gains: dict[tuple[str, ...], _Effect] = {}
        self._losses: dict[str, _Effect] = {}
        self._done: list[tuple[tuple[str, ...], bool, _Effect]] = []
        """The steps that led here: which keys, whether they were added, and what would take that back."""

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
        return self._adding(keys).saved

    def foreseen(self, keys: tuple[str, ...]) -> float:
        """About what `gain` is: what it was when it was last worked out for these, unless that was nothing."""
        gain = self._gains.get(keys)
        return self.gain(keys) if gain is None or gain.saved <= 0 else gain.saved

    def loss(self, key: str) -> float:
        """The seconds lost by no longer keeping this one; seldom below zero."""
        return -self._dropping(key).saved

    def add(self, keys: tuple[str, ...]) -> None:
        """Keeps these; none of them is kept."""
        effect = self._adding(keys)
        self._enter(keys)
        self._done.append((keys, True, self._commit(effect)))

    def drop(self, key: str) -> None:
        """Keeps this one no longer."""
        effect = self._dropping(key)
        self._leave((key,))
        self._done.append(((key,), False, self._commit(effect)))

    def mark(self) -> int:
        """Where this choice stands now, for `back`."""
        return len(self._done)

    def back(self, mark: int) -> None:
        """Takes back what was added and dropped since."""
        while len(self._done) > mark:
            keys, added, effect = self._done.pop()
            (self._leave if added else self._enter)(keys)
            self._commit(effect)

    def clear(self) -> None:
        """Keeps nothing any longer."""
        self.room += self.size(self.kept)
        self.kept.clear()
        self.saved = 0.0
        self._at.clear()
        self._done.clear()
        for cost in self.costs:
            cost.clear()

    def _enter(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            artifact = self.artifacts[key]
            self.kept[key] = None
            self.room -= artifact.size
            for owner, node, mask in artifact.places:
                self._at.setdefault((owner, node), {})[key] = mask

    def _leave(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            artifact = self.artifacts[key]
            del self.kept[key]
            self.room += artifact.size
            for owner, node, _ in artifact.places:
                del self._at[owner, node][key]

    def _adding(self, keys: tuple[str, ...]) -> _Effect:
        gain = self._gains.get(keys)
        if gain is None or not gain.holds():
            more: dict[int, dict[int, int]] = {}
            for key in keys:
                for owner, node, mask in self.artifacts[key].places:
                    nodes = more.setdefault(owner, {})
                    nodes[node] = nodes.get(node, 0) | mask
            gain = self._gains[keys] = _effect([(self.costs[o], self.costs[o].adding(n)) for o, n in more.items()])
        return gain

    def _dropping(self, key: str) -> _Effect:
        loss = self._losses.get(key)
        if loss is None or not loss.holds():
            masks_left: dict[int, dict[int, int]] = {}
            for owner, node, _ in self.artifacts[key].places:
                masks = [mask for other, mask in self._at[owner, node].items() if other != key]
                masks_left.setdefault(owner, {})[node] = reduce(or_, masks, 0)
            loss = self._losses[key] = _effect(
                [(self.costs[o], self.costs[o].dropping(n)) for o, n in masks_left.items()]
            )
        return loss

    def _commit(self, effect: _Effect) -> _Effect:
        """Makes it so, and gives what takes it back."""
        self.saved += effect.saved
        return _effect([(cost, cost.commit(trial)) for cost, trial in effect.trials])


def _effect(trials: Sequence[tuple[Expected, Trial]]) -> _Effect:
    return _Effect(sum([trial.saved for _, trial in trials]), tuple(trials))
