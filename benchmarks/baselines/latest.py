"""The last run of each workflow, and what the cache held after the last decision."""

from __future__ import annotations

from collections.abc import Set

from couler_plugins.runs import History, Run

__all__ = ["Latest"]


class Latest:
    """A view of the history: the last run of each workflow, and what the cache held after the last decision."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self.kept: Set[str] = frozenset()

    def observe(self, run: Run) -> None:
        """The last one of its family, for now."""
        self._runs[run.family] = run

    def decided(self, kept: Set[str]) -> None:
        """The cache holds these."""
        self.kept = kept

    def runs(self, history: History) -> dict[str, Run]:
        """The run of each family that its next one most likely resembles: a live one, or else the last."""
        return {**self._runs, **{run.family: run for run in history.live}}
