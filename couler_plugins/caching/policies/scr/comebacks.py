"""How often what was changed comes back: changes that are undone, and whole versions that return."""

from __future__ import annotations

__all__ = ["Comebacks"]

UNDONE, RETURNED = (0.2, 6.0), (0.1, 6.0)
"""Of how many changes how many counted as undoing and as a return to a version, before anything was seen."""
FORGET = 0.97
FADE, AGES = 0.8, 2.0
"""How the chance that a change is undone fades with each change since, and how many observations that counts as."""


class Comebacks:
    """What was learned of the changes of one workflow that put something back."""

    def __init__(self) -> None:
        self._undone, self._returned = UNDONE, RETURNED
        self._ages: dict[int, float] = {}

    @property
    def undone(self) -> float:
        """The share of what changes that is undone."""
        return self._undone[0] / self._undone[1]

    @property
    def returned(self) -> float:
        """The share of changes after which the whole workflow is as it once was."""
        return self._returned[0] / self._returned[1]

    def shares(self, count: int) -> list[float]:
        """For each of so many past changes, the newest first, the share that it has of what is undone."""
        total = AGES + sum(self._ages.values())
        return [(AGES * (1.0 - FADE) * FADE**age + self._ages.get(age, 0.0)) / total for age in range(count)]

    def learn(self, undone: float, returned: bool, age: int | None) -> None:
        """A change was made.

        Args:
            undone: the share of it that is back at what it was before.
            returned: whether the whole workflow is as it once was.
            age: how many changes ago that was changed which is undone; None where it is not known any more.
        """
        self._undone = FORGET * self._undone[0] + undone, FORGET * self._undone[1] + 1.0
        self._returned = FORGET * self._returned[0] + returned, FORGET * self._returned[1] + 1.0
        if age is not None:
            self._ages = {other: FORGET * count for other, count in self._ages.items()}
            self._ages[age] = self._ages.get(age, 0.0) + 1.0
