"""How often what was changed comes back: changes that are undone, and whole versions that return."""

from __future__ import annotations

UNDONE, RETURNED, EDITED, TIP = (0.1, 6.0), (0.3, 6.0), (0.5, 2.0), (0.5, 1.0)
"""Of how many cases how many counted as such, before anything was seen."""
FORGET = 0.97
FADE, AGES = 0.8, 2.0
"""How the chance that something comes back fades with its age, and how many observations that counts as."""


class Comebacks:
    """What was learned of the changes of one workflow that put something back.

    A change that returns to a version is counted as that only, not as an undoing.
    """

    def __init__(self) -> None:
        self._undone, self._returned = _Share(*UNDONE), _Share(*RETURNED)
        self._edited, self._tip = _Share(*EDITED), _Share(*TIP)
        self._changes, self._tips, self._versions = _Ages(), _Ages(), _Ages()

    @property
    def undone(self) -> float:
        """The share of what changes that is undone."""
        return self._undone.value

    @property
    def returned(self) -> float:
        """The share of changes that return to an earlier version of the whole workflow."""
        return self._returned.value

    @property
    def edited(self) -> float:
        """The share of returns that come with an edit of what they return to."""
        return self._edited.value

    def changes(self, count: int) -> list[float]:
        """For each of so many past changes, the newest first, the share that it has of what is undone."""
        return self._changes.shares(count)

    def versions(self, tips: int, others: int) -> list[float]:
        """For each of so many tips and then of so many other versions, the newest first, its share of the returns."""
        tip = self._tip.value if tips else 0.0
        shares = [tip * share for share in self._tips.shares(tips)]
        return shares + [(1.0 - tip) * share for share in self._versions.shares(others)]

    def learn_edit(self, undone: float, age: int | None) -> None:
        """A change was made to the last version.

        Args:
            undone: the share of it that is back at what it was before.
            age: how many changes ago that was changed which is undone; None where it is not known any more.
        """
        self._undone.learn(undone)
        self._returned.learn(0.0)
        if age is not None:
            self._changes.learn(age)

    def learn_return(self, version: int, tips: int, *, edited: bool) -> None:
        """A change returned to a version.

        Args:
            version: which, as `versions` counts them.
            tips: how many of those are tips.
            edited: whether what it returned to was edited as well.
        """
        self._undone.learn(0.0)
        self._returned.learn(1.0)
        self._edited.learn(edited)
        if tips:
            self._tip.learn(version < tips)
        if version < tips:
            self._tips.learn(version)
        else:
            self._versions.learn(version - tips)


class _Share:
    """How often something is so, as a share of two counts that fade."""

    def __init__(self, times: float, of: float) -> None:
        self._times, self._of = times, of

    @property
    def value(self) -> float:
        return self._times / self._of

    def learn(self, extent: float) -> None:
        """It was so, to this extent between 0 and 1."""
        self._times, self._of = FORGET * self._times + extent, FORGET * self._of + 1.0


class _Ages:
    """How old is what comes back."""

    def __init__(self) -> None:
        self._counts: dict[int, float] = {}

    def shares(self, count: int) -> list[float]:
        """The probability of each of so many ages."""
        total = AGES + sum(self._counts.values())
        return [(AGES * (1.0 - FADE) * FADE**age + self._counts.get(age, 0.0)) / total for age in range(count)]

    def learn(self, age: int) -> None:
        """What was so old came back."""
        self._counts = {other: FORGET * count for other, count in self._counts.items()}
        self._counts[age] = self._counts.get(age, 0.0) + 1.0
