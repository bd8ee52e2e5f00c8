"""What runs cost, one by one and together."""

from __future__ import annotations

import msgspec


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one run cost.

    Attributes:
        family: the workflow.
        computing: seconds of all steps that were computed.
        loading: seconds of all results that were loaded.
        computed: how many results were computed.
        loaded: how many results were loaded.
        written: bytes that came into the cache.
        bytes_held: bytes in the cache after it.
        makespan: seconds from its start to its end.
    """

    family: str
    computing: float
    loading: float
    computed: int
    loaded: int
    written: int
    bytes_held: int
    makespan: float

    @property
    def seconds(self) -> float:
        """What it cost: computing and loading."""
        return self.computing + self.loading


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream cost.

    Attributes:
        runs: each run, in order.
        kept: the keys that the cache held after each run.
    """

    runs: tuple[Cost, ...]
    kept: tuple[frozenset[str], ...] = ()

    @property
    def seconds(self) -> float:
        """Computing and loading over all runs."""
        return sum(run.seconds for run in self.runs)

    @property
    def makespan(self) -> float:
        """The runs one after the other."""
        return sum(run.makespan for run in self.runs)

    @property
    def written(self) -> int:
        """Bytes that came into the cache."""
        return sum(run.written for run in self.runs)

    @property
    def hit_ratio(self) -> float:
        """The share of needed results that were loaded; 0 where none was needed."""
        hits = sum(run.loaded for run in self.runs)
        needed = hits + sum(run.computed for run in self.runs)
        return hits / needed if needed else 0.0


def capture(outcome: Outcome, without: Outcome, infinite: Outcome) -> float | None:
    """The share of what an infinite cache saves that was saved; None where that saves nothing."""
    most = without.seconds - infinite.seconds
    return (without.seconds - outcome.seconds) / most if most > 0 else None
