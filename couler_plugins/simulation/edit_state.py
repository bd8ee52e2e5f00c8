"""A workflow while it is edited, and what edits it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import count
from typing import ClassVar, Protocol

from couler_plugins.simulation.workload import Change, Workload, chance_of


class EditState:
    """A workflow while it is edited: what generators look at, and how they make changes.

    Attributes:
        workload: the workflow.
        chance: the only source of randomness.
        versions: the version of each step now.
        past: the change sets so far, the oldest first: what each changed step was before.
    """

    def __init__(self, workload: Workload, chance: random.Random) -> None:
        self.workload = workload
        self.chance = chance
        self.versions = [0] * len(workload.steps)
        self.past: list[Change] = []
        self._fresh = count(1)

    def renewed(self, steps: Iterable[int]) -> Change:
        """Gives steps a version that they never had."""
        version = next(self._fresh)
        return dict.fromkeys(steps, version)

    def undone(self) -> Change:
        """Puts back what the last change set changed; no change where there is none."""
        return dict(self.past[-1]) if self.past else {}

    def apply(self, change: Change) -> None:
        """The change is made."""
        self.past.append({step: self.versions[step] for step in change})
        for step, version in change.items():
            self.versions[step] = version

    def step(self) -> int:
        """Any step."""
        return self.chance.randrange(len(self.versions))

    def kind(self) -> str:
        """Any type."""
        return self.chance.choice(list(self.workload.members))


class Edits(Protocol):
    """A way in which workflows are edited: a frozen dataclass whose fields are its options."""

    name: ClassVar[str]

    def on(self, bench: EditState) -> Iterator[Change]:
        """Change sets without end; each is applied to this state before the next is asked for."""

    def changes(self, workload: Workload, seed: int) -> Iterator[Change]:
        """Change sets for a workflow. The same seed gives the same changes, in any process."""
        bench = EditState(workload, chance_of(self.name, seed))
        for change in self.on(bench):
            bench.apply(change)
            yield change
