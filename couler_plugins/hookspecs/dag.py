"""Graphs for partitioners: numbered steps, their edges, and what each adds to its part; and the budget of a part."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.splitting import Extent
from couler_plugins.runs.order import CycleError, children_of, topological_order

__all__ = ["UNLIMITED", "Budget", "Dag", "excess"]

SHOWN = 6
"""Steps of a cycle that an error names."""


@dataclass(frozen=True, eq=False, slots=True)
class Dag:
    """A directed acyclic graph whose steps are numbered so that every edge goes from a smaller number to a larger one.

    Lists are by the number of the step, and nobody changes them. Build one with `of`.

    Attributes:
        names: the steps' names, each once.
        parents: the steps that each waits for, sorted.
        children: the steps that wait for each, sorted.
        seconds: how long each takes.
        bytes, steps, pods: what each adds to its part, whatever part that is.
        exports: bytes that a part pays once for each of its own steps that another part reads.
        imports: bytes that a part pays once for each step outside it that it reads.
        wrapper: bytes of a part without steps.
        shares: the pieces that each step needs in its part, by number: a part pays a piece once for all of its steps.
        weights: the bytes of each piece.
    """

    names: Sequence[str]
    parents: Sequence[Sequence[int]]
    children: Sequence[Sequence[int]]
    seconds: Sequence[float]
    bytes: Sequence[int]
    steps: Sequence[int]
    pods: Sequence[int]
    exports: Sequence[int]
    imports: Sequence[int]
    wrapper: int
    shares: Sequence[Sequence[int]]
    weights: Sequence[int] = ()

    @classmethod
    def of(
        cls,
        names: Iterable[str],
        parents: Sequence[Collection[int]],
        seconds: Iterable[float],
        *,
        bytes: Iterable[int] | None = None,  # noqa: A002 - the field's name
        steps: Iterable[int] | None = None,
        pods: Iterable[int] | None = None,
        exports: Iterable[int] | None = None,
        imports: Iterable[int] | None = None,
        wrapper: int = 0,
        shares: Iterable[Sequence[int]] | None = None,
        weights: Sequence[int] = (),
    ) -> Dag:
        """The graph of steps in any order; they keep it where it is topological already.

        Args:
            names: the steps' names, each once.
            parents: the positions of those that each waits for, none twice.
            seconds: what each takes.
            bytes, exports, imports: see the class; 0 each unless given.
            steps, pods: see the class; 1 each unless given.
            wrapper: bytes of a part without steps.
            shares: see the class; none unless given, and none twice in one step.
            weights: the bytes of each piece.

        Raises:
            InvalidInput: steps wait for each other in a circle, or two have one name.
        """
        labels, times = list(names), list(seconds)
        count = len(labels)
        _check_names(labels)
        zeros, ones = [0] * count, [1] * count
        columns = [list(column if column is not None else zeros) for column in (bytes, exports, imports)]
        columns += [list(column if column is not None else ones) for column in (steps, pods)]
        pieces = list(shares) if shares is not None else [()] * count
        if any(above and max(above) >= step for step, above in enumerate(parents)):
            order = _order(labels, parents)
            place = [0] * count
            for number, step in enumerate(order):
                place[step] = number
            parents = [[place[parent] for parent in parents[step]] for step in order]
            labels, times = [labels[step] for step in order], [times[step] for step in order]
            columns = [[column[step] for step in order] for column in columns]
            pieces = [pieces[step] for step in order]
        above = [tuple(sorted(some)) if len(some) > 1 else tuple(some) for some in parents]
        own_bytes, own_exports, own_imports, own_steps, own_pods = columns
        return cls(
            labels,
            above,
            children_of(above),
            times,
            own_bytes,
            own_steps,
            own_pods,
            own_exports,
            own_imports,
            wrapper,
            pieces,
            weights,
        )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def edges(self) -> int:
        """How many edges there are."""
        return sum(map(len, self.parents))

    def alone(self, step: int) -> int:
        """The bytes of a step with all that it would share with others."""
        return self.bytes[step] + self.shared((step,))

    def shared(self, steps: Iterable[int]) -> int:
        """The bytes of the pieces that some steps need together, each once."""
        if not self.weights:
            return 0
        return sum(self.weights[piece] for piece in set().union(*(self.shares[step] for step in steps)))

    def finishes(self) -> list[float]:
        """When each step ends, with nothing between it and the last of its parents to end; seconds."""
        ends: list[float] = []
        for above, took in zip(self.parents, self.seconds, strict=True):
            ends.append(max((ends[parent] for parent in above), default=0.0) + took)
        return ends

    def tails(self) -> list[float]:
        """The longest path from the start of each step on, its own seconds included."""
        tails = [0.0] * len(self)
        for step in range(len(self) - 1, -1, -1):
            tails[step] = max((tails[child] for child in self.children[step]), default=0.0) + self.seconds[step]
        return tails

    def critical_path(self) -> float:
        """The seconds of the longest path; 0 without steps."""
        return max(self.finishes(), default=0.0)

    def reversed(self) -> Dag:
        """The graph with every edge turned around; step v is step n − 1 − v."""
        last = len(self) - 1

        def turned(links: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
            return [tuple(last - step for step in some[::-1]) for some in links[::-1]]

        return Dag(
            names=self.names[::-1],
            parents=turned(self.children),
            children=turned(self.parents),
            seconds=self.seconds[::-1],
            bytes=self.bytes[::-1],
            steps=self.steps[::-1],
            pods=self.pods[::-1],
            exports=self.exports[::-1],
            imports=self.imports[::-1],
            wrapper=self.wrapper,
            shares=self.shares[::-1],
            weights=self.weights,
        )


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        ((twice, _),) = Counter(names).most_common(1)
        raise InvalidInput(f"two steps are called {twice!r}", step=twice, hint="give each step its own name")


def _order(names: Sequence[str], parents: Sequence[Collection[int]]) -> list[int]:
    try:
        return topological_order(parents)
    except CycleError as error:
        cycle = [names[step] for step in error.cycle]
        shown = cycle if len(cycle) <= SHOWN else [*cycle[:SHOWN], "…"]
        circle = " waits for ".join(chain(shown, cycle[:1]))
        hint = "steps that wait for each other never start: remove one of these needs"
        raise InvalidInput(f"there is a cycle: {circle}", step=cycle[0], hint=hint) from error


UNLIMITED = sys.maxsize
"""The number that stands for no limit."""


@dataclass(frozen=True)
class Budget:
    """Limits of the size of a part; None where there is no limit.

    Attributes:
        bytes: of the part as its engine counts them.
        steps: call sites.
        pods: containers' pods, loops unrolled.
    """

    bytes: int | None = None
    steps: int | None = None
    pods: int | None = None

    def __post_init__(self) -> None:
        """Refuses a budget that nothing fits.

        Raises:
            InvalidInput: a limit is below 1.
        """
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None and limit < 1:
                hint = f"give at least 1 for {field.name}, or none for no limit"
                raise InvalidInput(f"a budget of {limit} {field.name} leaves room for no step", hint=hint)

    @property
    def limits(self) -> tuple[int, int, int]:
        """Bytes, steps and pods as numbers; where there is no limit, the largest that there is."""
        return (self.bytes or UNLIMITED, self.steps or UNLIMITED, self.pods or UNLIMITED)

    def scaled(self, share: float) -> Budget:
        """A share of this budget, at least 1 of each."""
        return Budget(*(None if limit is None else max(1, int(limit * share)) for limit in self._given))

    def with_slack(self, share: float) -> Budget:
        """This budget with a share of it kept free, rounded down: an edit then more often stays within a part."""
        return Budget(*(None if limit is None else limit - int(limit * share) for limit in self._given))

    def over(self, bytes: int, steps: int, pods: int) -> list[tuple[str, int, int]]:  # noqa: A002 - as the fields
        """The components that are exceeded: name, amount, limit."""
        amounts = (bytes, steps, pods)
        names = [field.name for field in fields(self)]
        return [
            (name, amount, limit)
            for name, amount, limit in zip(names, amounts, self._given, strict=True)
            if limit is not None and amount > limit
        ]

    @property
    def _given(self) -> tuple[int | None, int | None, int | None]:
        return (self.bytes, self.steps, self.pods)


def excess(extent: Extent, most: Extent) -> list[str]:
    """What a workflow has too much of."""
    return [
        f"{amount:,} {what} of at most {limit:,}"
        for what, amount, limit in zip(extent._fields, extent, most, strict=True)
        if amount > limit
    ]
