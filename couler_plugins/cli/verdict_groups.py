"""Verdicts on call sites in few lines: those that say the same are one line, and no objection is printed twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from couler_plugins.cli.columns import number_text
from couler_plugins.cli.rule_words import words_for
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.plan import Decision

__all__ = ["TITLES", "VerdictGroups"]

TITLES = {
    "cached": "cached",
    "declarable": "cached after a declaration",
    "never": "never cached",
    "run-time": "decided when it runs",
    "not-in-call": "not known here",
}
NAMED, SHOWN = 6, 4
"""How many steps of a group are named, and how many of its objections are printed."""

Key = tuple[object, ...]


class VerdictGroups:
    """Prints verdicts; it remembers which objections it has printed."""

    def __init__(self) -> None:
        self._printed: set[tuple[object, ...]] = set()

    def lines(self, decisions: Sequence[Decision], file: str) -> Iterator[str]:
        """Return the lines for the verdicts of one workflow.

        Args:
            decisions: the verdicts.
            file: the file that the workflow is in.
        """
        groups: dict[Key, list[Decision]] = {}
        for decision in decisions:
            groups.setdefault(_key(decision), []).append(decision)
        for group in sorted(groups.values(), key=lambda group: list(TITLES).index(group[0].verdict)):
            yield from self._group(group, file)

    def _group(self, group: Sequence[Decision], file: str) -> Iterator[str]:
        first = group[0]
        shown = [decision.subject for decision in group[:NAMED]]
        more = f" and {len(group) - NAMED:,} more" if len(group) > NAMED else ""
        title = TITLES[first.verdict] if first.action in ("", "cache") else first.action
        if title == first.action and first.verdict != "cached":
            title = f"{title}, {TITLES[first.verdict]}"
        objections = list({_identity(item): item for decision in group for item in objections_of(decision)}.values())
        fresh = [item for item in objections if _identity(item) not in self._printed]
        if first.verdict == "cached":
            yield f"{title}: {', '.join(shown)}{more}: {first.reason}{_waiver_text(first)}{_figures(group)}"
            yield from self._warnings(group, file)
            return
        rules = dict.fromkeys(words_for(item.rule) for item in objections if _identity(item) in self._printed)
        known = f": {', '.join(rules)} (see above)" if rules else ""
        yield f"{title}: {', '.join(shown)}{more}{known}{_waiver_text(first)}"
        alike = _alike(fresh)
        for text, items in islice(alike.items(), SHOWN):
            self._printed.update(map(_identity, items))
            yield f"  {_where(items, first, file)}{text}"
        if len(alike) > SHOWN:
            rest = dict.fromkeys(words_for(items[0].rule) for items in islice(alike.values(), SHOWN, None))
            yield f"  and {len(alike) - SHOWN:,} more: {', '.join(rest)}"
        if first.verdict == "declarable":
            yield from self._warnings(group, file)

    def _warnings(self, group: Sequence[Decision], file: str) -> Iterator[str]:
        """What their owner should know of cached steps, each once."""
        found = {_identity(item): item for decision in group for item in decision.warnings}
        fresh = [item for identity, item in found.items() if identity not in self._printed]
        self._printed.update(map(_identity, fresh))
        for text, items in _alike(fresh).items():
            yield f"  warning: {_where(items, group[0], file)}{text}"


def objections_of(decision: Decision) -> tuple[Objection, ...]:
    """Return the objections that the verdict rests on: remedies matter only where nothing else is against it."""
    if decision.verdict != "never":
        return decision.objections
    return tuple(item for item in decision.objections if not item.remedy)


def _key(decision: Decision) -> Key:
    if decision.verdict == "cached":
        return (decision.verdict, decision.action, decision.reason, decision.waived)
    own = tuple(item.rule for item in objections_of(decision))
    return (decision.verdict, decision.action, own, decision.waived)


def _identity(objection: Objection) -> tuple[object, ...]:
    place = objection.place
    return (objection.rule, objection.reason, None if place is None else (place.file, place.line, place.path))


def _where(objections: Sequence[Objection], decision: Decision, file: str) -> str:
    """Where objections of one text are, to begin a line with."""
    places = [place for item in objections if (place := item.place or decision.place) is not None and place.file]
    lines = sorted({place.line for place in places if place.file == file and place.line is not None})
    others = [place for place in places if place.file != file]
    told = [f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:NAMED]))}"] if lines else []
    told += dict.fromkeys(place.file if place.line is None else f"{place.file}:{place.line}" for place in others)
    more = max(len(lines) - NAMED, 0) + max(len(told) - NAMED, 0)
    return f"{', '.join(told[:NAMED])}{f' and {more} more' if more else ''}: " if told else ""


def _alike(objections: Sequence[Objection]) -> dict[str, list[Objection]]:
    alike: dict[str, list[Objection]] = {}
    for item in objections:
        alike.setdefault(_text(item), []).append(item)
    return alike


def _text(objection: Objection) -> str:
    return f"add {objection.remedy}" if objection.rule == "not-declared" else objection.advice


def _waiver_text(decision: Decision) -> str:
    return f"; its owner vouches for: {', '.join(decision.waived)}" if decision.waived else ""


def _figures(group: Sequence[Decision]) -> str:
    if len(group) > 1 or not group[0].figures:
        return ""
    return f" ({', '.join(f'{name} {number_text(value)}' for name, value in group[0].figures)})"
