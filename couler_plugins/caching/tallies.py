"""Rows of a report on a cache, and the sums that become rows.

Unknown is None, never zero. A figure that counts only what is known has beside it how much that leaves out.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec

ONE_RUN = "it is in one run only: there was nothing to reuse"
NEW_KEYS = "its key was new in every run"
KEYS_CAME_BACK = "its key came back, but no usable result: it was not kept, was evicted, or is too old"
NO_KEYS = "the history does not have its keys"
NO_ANSWER = "no record says what its cache answered; for wrapped steps of Argo, the store does (--store)"
NOT_USED = "no result of it was used again"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of the cache on one step, on all of a workflow, or on everything.

    Attributes:
        workflow: the workflow; empty for everything.
        step: the step as `graph/step`; empty for all of them.
        runs: how often a result was looked up.
        hits: how often it was there.
        misses: how often it was not.
        unknown: how often nobody knows.
        inferred: of the hits, those that follow from the store alone: it had the result before the step began.
        rate: hits, divided by hits and misses.
        seconds_saved: what computing takes, summed over the hits for which that is known.
        untimed: hits for which it is not.
        seconds_spent: what the hits themselves took, summed over those for which that is known.
        unmeasured: hits for which it is not.
        bytes_reused: the sizes of results, summed over the hits for which they are known.
        unsized: hits for which they are not.
        bytes_kept: what the store holds of these results now; None without a store, or without keys.
        reason: why there was no hit, as far as that shows.
    """

    workflow: str
    step: str
    runs: int
    hits: int
    misses: int
    unknown: int
    inferred: int
    rate: float | None
    seconds_saved: float | None
    untimed: int
    seconds_spent: float | None
    unmeasured: int
    bytes_reused: int | None
    unsized: int
    bytes_kept: int | None
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a cache.

    Attributes:
        runs: how many runs it is about; none where only the store was asked.
        steps: a row for each step that was looked up, by workflow; those that saved most first.
        workflows: a row for each workflow that has such a step.
        total: the sum.
    """

    runs: int
    steps: tuple[Row, ...]
    workflows: tuple[Row, ...]
    total: Row


class _Sum:
    """A sum of what is known, and how much is not."""

    def __init__(self) -> None:
        self.total, self.known, self.unknown = 0.0, 0, 0

    def add(self, value: float | None, times: int) -> None:
        """Add a figure so many times."""
        if value is None:
            self.unknown += times
        else:
            self.total += value * times
            self.known += times

    @property
    def value(self) -> float | None:
        """The sum; None where there is something, and none of it is known."""
        return self.total if self.known or not self.unknown else None


class Tally:
    """Sums that become a row.

    Attributes:
        misses, unknown, inferred: as those of a row.
        keys: the runs in which each key was looked up.
        kept: what the store holds of each key, in bytes.
    """

    def __init__(self) -> None:
        self.misses = self.unknown = self.inferred = 0
        self.keys: dict[str, set[int]] = defaultdict(set)
        self.kept: dict[str, int] = {}
        self._hits = 0
        self._saved, self._spent, self._sizes = _Sum(), _Sum(), _Sum()

    def hit(self, saved: float | None, spent: float | None, size: int | None, times: int = 1) -> None:
        """Count hits, with what each saved, took and reused."""
        self._hits += times
        for figures, value in ((self._saved, saved), (self._spent, spent), (self._sizes, size)):
            figures.add(value, times)

    def row(self, workflow: str = "", step: str = "", reason: str = "") -> Row:
        """Return the row of these sums."""
        answered = self._hits + self.misses
        size = self._sizes.value
        return Row(
            workflow=workflow,
            step=step,
            runs=answered + self.unknown,
            hits=self._hits,
            misses=self.misses,
            unknown=self.unknown,
            inferred=self.inferred,
            rate=self._hits / answered if answered else None,
            seconds_saved=self._saved.value,
            untimed=self._saved.unknown,
            seconds_spent=self._spent.value,
            unmeasured=self._spent.unknown,
            bytes_reused=None if size is None else int(size),
            unsized=self._sizes.unknown,
            bytes_kept=sum(self.kept.values()) if self.kept else None,
            reason=reason,
        )

    def reason(self, unused: str) -> str:
        """Return why there was no hit; nothing where there was one, and `unused` where that says it."""
        if self._hits or unused:
            return "" if self._hits else unused
        if not self.misses:
            return NO_ANSWER
        if not self.keys:
            return NO_KEYS
        if len(set[int]().union(*self.keys.values())) == 1:
            return ONE_RUN
        return NEW_KEYS if all(len(runs) == 1 for runs in self.keys.values()) else KEYS_CAME_BACK


class Table:
    """The tallies of steps, of workflows and of all."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, str], Tally] = defaultdict(Tally)
        self._workflows: dict[str, Tally] = defaultdict(Tally)
        self._total = Tally()

    def at(self, workflow: str, step: str) -> tuple[Tally, ...]:
        """Return all tallies that a step counts in."""
        return self._steps[workflow, step], self._workflows[workflow], self._total

    def report(self, runs: int, unused: str = "") -> Report:
        """Return the report on so many runs; `unused` is the reason of all steps without a hit, where it is known."""
        steps = [tally.row(*place, tally.reason(unused)) for place, tally in self._steps.items()]
        steps.sort(key=lambda row: (row.workflow, -(row.seconds_saved or 0.0), -row.hits, row.step))
        workflows = tuple(self._workflows[name].row(name) for name in sorted(self._workflows))
        return Report(runs=runs, steps=tuple(steps), workflows=workflows, total=self._total.row())
