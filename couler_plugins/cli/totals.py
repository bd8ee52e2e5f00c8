"""The closing total of `couler explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from couler_plugins.api import Result
from couler_plugins.cli.messages import counted
from couler_plugins.cli.rule_words import words_for
from couler_plugins.verdict_totals import VerdictTotals, total_of, verdict_totals

__all__ = ["total_lines", "total_record"]

REASONS = 6
"""How many reasons are named."""


def total_lines(result: Result) -> list[str]:
    """Return the lines of the total; none where nothing was judged."""
    if not any(text.partition("{")[0] == "cache" for text in result.optimizers):
        return []
    total = total_of(result, "cache")
    return list(_lines(total)) if total.calls or total.uncalled else []


def total_record(result: Result) -> list[dict[str, Any]]:
    """Return the totals for JSON, one record an optimizer and engine."""
    return [msgspec.structs.asdict(total) for total in verdict_totals(result)]


def _lines(total: VerdictTotals) -> Iterator[str]:
    if total.calls:
        yield f"{counted(total.calls, 'step')} in {counted(total.workflows, 'workflow')}: {_verdicts(total)}."
    if total.never:
        yield f"Never, by reason (a step can have several): {_reasons(total.never)}."
    if total.unknown:
        yield f"Not known here: {_reasons(total.unknown)}."
    if total.declarable:
        yield f"To be declared: {_reasons(total.declarable)}."
    if total.uncalled:
        parts = ", ".join(f"{count:,} {WORDS[verdict]}" for verdict, count in total.uncalled.items())
        count = sum(total.uncalled.values())
        yield f"{counted(count, 'template')} or {'task' if count == 1 else 'tasks'} that nothing here calls: {parts}."


WORDS = {
    "cached": "cached",
    "declarable": "after a declaration",
    "never": "never",
    "run-time": "decided when they run",
    "not-in-call": "not known here",
}


def _verdicts(total: VerdictTotals) -> str:
    count = total.verdicts.get
    parts = [f"{count('cached', 0):,} cached"]
    if count("declarable"):
        where = f" in {counted(total.places, 'place')}" if total.places else ""
        parts.append(f"{count('declarable'):,} would be after declarations{where}")
    parts += [f"{count(name):,} {WORDS[name]}" for name in ("never", "run-time", "not-in-call") if count(name)]
    return ", ".join(parts)


def _reasons(rules: Mapping[str, int]) -> str:
    """The most frequent reasons with their counts."""
    words: dict[str, int] = {}
    for rule, count in rules.items():
        words[words_for(rule)] = words.get(words_for(rule), 0) + count
    ordered = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    more = " and others" if len(ordered) > REASONS else ""
    return ", ".join(f"{name} {count:,}" for name, count in ordered[:REASONS]) + more
