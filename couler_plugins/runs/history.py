"""The history of runs that policies decide by, with what each of them has learned of it so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from typing import Any, NamedTuple, Protocol, TypeVar, TypeVarTuple

import msgspec

from couler_plugins.runs.run import Run


class LoadCost(msgspec.Struct, frozen=True, kw_only=True):
    """What loading an artifact takes: seconds of latency, and bytes a second from then on."""

    latency: float = 1.0
    bandwidth: float = 100e6

    def seconds(self, size: int) -> float:
        """How long loading `size` bytes takes."""
        return self.latency + size / self.bandwidth


class View(Protocol):
    """What a policy learns from a history: it sees each run and each decision once, in order."""

    def observe(self, run: Run) -> None:
        """A run has ended."""

    def decided(self, kept: Set[str]) -> None:
        """The cache holds these keys and no others now."""


V = TypeVar("V", bound=View)
Given = TypeVarTuple("Given")


class _Decision(NamedTuple):
    """What came into the cache and what left it."""

    added: frozenset[str]
    dropped: frozenset[str]

    def after(self, kept: frozenset[str]) -> frozenset[str]:
        """What the cache holds after it, where it held `kept` before."""
        return (kept - self.dropped) | self.added


class History:
    """The runs so far, oldest first, and what the cache held after each decision.

    A run that failed is left out: the steps that it lacks would look as if somebody had taken them out. All else stays,
    for views that are asked for late; it takes memory by what runs and by what comes and goes, however much the cache
    holds meanwhile.

    Attributes:
        runs: those that ended.
        live: those that go on; their steps that are still to come are `pending`.
        load: what loading costs.
    """

    def __init__(self, runs: Iterable[Run] = (), *, live: Sequence[Run] = (), load: LoadCost | None = None) -> None:
        self.runs: list[Run] = []
        self.live = tuple(run for run in live if run.steps and run.whole)
        self.load = load or LoadCost()
        self._events: list[Run | _Decision] = []
        self._kept: frozenset[str] = frozenset()
        self._views: dict[tuple[Hashable, ...], tuple[Any, int, frozenset[str]]] = {}
        for run in runs:
            self.append(run)

    def append(self, run: Run) -> None:
        """A run has ended."""
        if run.steps and run.whole:
            self.runs.append(run)
            self._events.append(run)

    def decide(self, kept: Set[str]) -> None:
        """The cache holds these keys and no others now."""
        self._events.append(_Decision(frozenset(kept - self._kept), frozenset(self._kept - kept)))
        self._kept = frozenset(kept)

    def view(self, kind: Callable[[*Given], V], *arguments: *Given) -> V:
        """The one view of that kind on this history, brought up to date; learning is incremental.

        Args:
            kind: its class.
            arguments: what it is made with, such as `history.load`; a view that is given something else is another one.

        Raises:
            TypeError: what it is made with is not hashable.
        """
        view, seen, kept = self._views.get((kind, *arguments)) or (kind(*arguments), 0, frozenset[str]())
        for event in self._events[seen:]:
            if isinstance(event, Run):
                view.observe(event)
            else:
                kept = event.after(kept)
                view.decided(kept)
        self._views[kind, *arguments] = view, len(self._events), kept
        instance: V = view
        return instance
