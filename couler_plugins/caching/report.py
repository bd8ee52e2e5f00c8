"""Effect of a cache: what it saved, by workflow and step, from the records of past runs and from the store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from couler_plugins.caching.artifacts.entry import Entry
from couler_plugins.caching.tallies import NOT_USED, Report, Table
from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Lookup, Run, StepRun, lookups_of, median, site_of


class Stored(NamedTuple):
    """What a store knows of a result.

    Attributes:
        entry: the result.
        uses: how often it was made or used; None where nobody counts that.
    """

    entry: Entry
    uses: int | None = None


class _Event(NamedTuple):
    """A result that was looked up in a run."""

    run: int
    step: StepRun
    lookup: Lookup


def report(runs: Iterable[Run], stored: Iterable[Stored] = ()) -> Report:
    """Return what a cache saved in some runs.

    What computing takes is the cache's own word, else what the store says of the key, else the median of the runs that
    computed the key, else the median of those that computed the step.

    Args:
        runs: the past runs; one that is there twice counts once.
        stored: what is in the store; none where nobody asked it.
    """
    runs = _distinct(runs)
    facts = {item.entry.key: item for item in stored}
    events = [_Event(number, step, lookup) for number, run in enumerate(runs) for step, lookup in lookups_of(run)]
    answers = _inferred(events, runs, facts)
    worth = _Worth(runs, facts)
    table = Table()
    for number, event in enumerate(events):
        family, lookup = runs[event.run].family, event.lookup
        fact, answer = facts.get(lookup.key), answers.get(number, lookup.hit)
        size = event.step.bytes if fact is None else fact.entry.bytes
        saved = worth.of(family, event) if answer else None
        for tally in table.at(family, site_of(event.step)):
            if lookup.key:
                tally.keys[lookup.key].add(event.run)
            if fact is not None:
                tally.kept[lookup.key] = fact.entry.bytes
            if answer:
                tally.hit(saved, lookup.seconds, size)
                tally.inferred += number in answers
            elif answer is None:
                tally.unknown += 1
            else:
                tally.misses += 1
    return table.report(len(runs))


def report_of_store(stored: Iterable[Stored]) -> Report:
    """Return what a store saved, by its own word: each use of a result but its making was a hit.

    What is gone from the store is not counted, nor is what was looked up and was not there.

    Raises:
        InvalidInput: the store counts no uses.
    """
    table = Table()
    for entry, uses in stored:
        if uses is None:
            hint = "give past runs as HISTORY, or the --index of the store"
            raise InvalidInput("the store has no index, and only an index counts how often a result is used", hint=hint)
        for tally in table.at(entry.meta.family, entry.meta.step):
            tally.misses += 1
            tally.kept[entry.key] = entry.bytes
            tally.hit(entry.meta.seconds, None, entry.bytes, times=uses - 1)
    return table.report(0, NOT_USED)


def _distinct(runs: Iterable[Run]) -> list[Run]:
    """The runs, each once: exports of an engine's history overlap."""
    seen: set[tuple[str, str, float]] = set()
    distinct = []
    for run in runs:
        name = (run.family, run.name, run.at)
        if not run.name or name not in seen:
            seen.add(name)
            distinct.append(run)
    return distinct


class _Worth:
    """What computing results takes.

    Args:
        runs: the past runs.
        facts: what the store knows, by key.
    """

    def __init__(self, runs: Sequence[Run], facts: Mapping[str, Stored]) -> None:
        self._facts = facts
        computed = list(_computed(runs))
        keyed = ((step.lookup.key, step.seconds or 0.0) for _, step in computed if step.lookup and step.lookup.key)
        placed = (((family, site_of(step)), step.seconds or 0.0) for family, step in computed)
        self._by_key = {key: median(seconds) for key, seconds in by_key(keyed).items()}
        self._by_site = {site: median(seconds) for site, seconds in by_key(placed).items()}

    def of(self, family: str, event: _Event) -> float | None:
        """Return the seconds that a hit saved; None where nothing like it was computed."""
        if event.lookup.worth is not None:
            return event.lookup.worth
        fact = self._facts.get(event.lookup.key)
        if fact is not None and fact.entry.meta.seconds is not None:
            return fact.entry.meta.seconds
        of_key = self._by_key.get(event.lookup.key)
        return self._by_site.get((family, site_of(event.step))) if of_key is None else of_key


def _computed(runs: Iterable[Run]) -> Iterator[tuple[str, StepRun]]:
    """The steps that were computed for sure, and how long that took."""
    for run in runs:
        for step in (*run.steps, *run.groups):
            computed = step.fate == "computed" and (step.lookup is None or step.lookup.hit is False)
            if computed and step.seconds is not None:
                yield run.family, step


def _inferred(events: Sequence[_Event], runs: Sequence[Run], facts: Mapping[str, Stored]) -> dict[int, bool]:
    """What follows from the store for look-ups whose answer no record has, by their numbers.

    Where the store had the result before the step began, it was a hit; as often as the store has counted, where it
    counts. The run that made the result missed it. All else stays unknown: a result may have been replaced since.
    """
    waiting = by_key(
        (event.lookup.key, number)
        for number, event in enumerate(events)
        if event.lookup.hit is None and event.lookup.began is not None and event.lookup.key in facts
    )
    answers: dict[int, bool] = {}
    for key, numbers in waiting.items():
        entry, uses = facts[key]
        room = math.inf if uses is None else uses - 1
        makers = {entry.meta.run} - {""}
        for began, number in sorted((events[number].lookup.began or 0.0, number) for number in numbers):
            name = runs[events[number].run].name
            if name in makers:  # whatever clocks say, its first step of that key was the one
                makers.discard(name)
                answers[number] = False
            elif began >= entry.created and room > 0:
                answers[number] = True
                room -= 1
    return answers
