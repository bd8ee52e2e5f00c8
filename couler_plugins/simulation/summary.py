"""What an experiment says: means over seeds with their intervals, and which cache to choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec

from couler_plugins.documents.mappings import by_key
from couler_plugins.simulation.experiment import Cell, Results
from couler_plugins.simulation.workload import chance_of

ENOUGH = 0.9
"""Without prices, the share of what the best cache here saves that makes a smaller one the better choice."""
RESAMPLES = 1000
HOUR = 3600.0
GB = 1e9


@dataclass(frozen=True)
class Prices:
    """What compute and storage cost, in any one currency.

    Attributes:
        compute: an hour of computing or loading.
        storage: a GB (10⁹ bytes) for a month.
        months: how long the runs take by the calendar, which is how long storage is paid for.
    """

    compute: float
    storage: float
    months: float = 1.0

    def net(self, saved: float, bytes_held: float) -> float:
        """What is left of the seconds saved once the bytes held are paid for."""
        return saved / HOUR * self.compute - bytes_held / GB * self.storage * self.months


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A policy at a capacity under one kind of edits, as means over the seeds.

    Attributes:
        edits: the text of the edits.
        policy: the text of the policy.
        capacity: bytes.
        saved: the share of the seconds without a cache that is saved.
        saved_low: where its 95 % interval (a bootstrap over seeds) begins.
        saved_high: where it ends.
        saved_seconds: the seconds saved.
        capture: the share of what a cache without a limit saves; None where that saves nothing.
        hit_ratio: the share of needed results that were loaded.
        makespan: seconds of all runs, one after the other.
        written: bytes that came into the cache.
        bytes_held: bytes in the cache after a run.
        net: the money saved; None without prices.
    """

    edits: str
    policy: str
    capacity: int
    saved: float
    saved_low: float
    saved_high: float
    saved_seconds: float
    capture: float | None
    hit_ratio: float
    makespan: float
    written: float
    bytes_held: float = msgspec.field(name="held")
    net: float | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the caches to choose under one kind of edits.

    Attributes:
        edits: the text of the edits.
        seconds: what the runs take without a cache.
        makespan: how long they take, one after the other, without a cache.
        unlimited: the share of the seconds that a cache without a limit saves.
        unlimited_bytes: what that holds in the end.
        row: by prices, the one that saves the most money; without them, the smallest that saves nearly as much as the
            best; None where no cache here saves anything.
    """

    edits: str
    seconds: float
    makespan: float
    unlimited: float
    unlimited_bytes: float
    row: Row | None


@dataclass(frozen=True)
class Summary:
    """All rows, and a choice for each kind of edits."""

    rows: tuple[Row, ...]
    choices: tuple[Choice, ...]


def summarize(results: Results, prices: Prices | None = None) -> Summary:
    """Means over seeds, in the order of the experiment."""
    groups = by_key(((cell.edits, cell.policy, cell.capacity), cell) for cell in results.cells)
    without = {(line.edits, line.seed): line.seconds for line in results.baselines}
    rows = tuple(_row(cells, without, prices) for cells in groups.values())
    names = dict.fromkeys(line.edits for line in results.baselines)
    return Summary(rows, tuple(_choice(name, results, [row for row in rows if row.edits == name]) for name in names))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean: percentiles of a bootstrap, the same for the same values."""
    chance = chance_of("bootstrap", len(values))
    means = sorted(fmean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]


def _row(cells: Sequence[Cell], without: dict[tuple[str, int], float], prices: Prices | None) -> Row:
    def mean(value: Callable[[Cell], float]) -> float:
        return fmean(map(value, cells))

    first = cells[0]
    captures = [cell.capture for cell in cells if cell.capture is not None]
    low, high = interval([cell.saved for cell in cells])
    saved = mean(lambda cell: without[cell.edits, cell.seed] - cell.seconds)
    bytes_held = mean(lambda cell: cell.bytes_held)
    return Row(
        edits=first.edits,
        policy=first.policy,
        capacity=first.capacity,
        saved=mean(lambda cell: cell.saved),
        saved_low=low,
        saved_high=high,
        saved_seconds=saved,
        capture=fmean(captures) if captures else None,
        hit_ratio=mean(lambda cell: cell.hit_ratio),
        makespan=mean(lambda cell: cell.makespan),
        written=mean(lambda cell: cell.written),
        bytes_held=bytes_held,
        net=prices.net(saved, bytes_held) if prices else None,
    )


def _choice(edits: str, results: Results, rows: Sequence[Row]) -> Choice:
    lines = [line for line in results.baselines if line.edits == edits]
    return Choice(
        edits=edits,
        seconds=fmean(line.seconds for line in lines),
        makespan=fmean(line.makespan for line in lines),
        unlimited=fmean(1 - line.infinite_seconds / line.seconds for line in lines),
        unlimited_bytes=fmean(line.infinite_bytes for line in lines),
        row=_best(rows),
    )


def _best(rows: Sequence[Row]) -> Row | None:
    priced = [(row.net, -row.capacity, row) for row in rows if row.net is not None]
    if priced:
        net, _, row = max(priced, key=lambda one: one[:2])
        return row if net > 0 else None
    most = max(row.saved for row in rows)
    near = [row for row in rows if row.saved >= ENOUGH * most]
    return max(near, key=lambda row: (-row.capacity, row.saved)) if most > 0 else None
