"""Decisions that say the same of many subjects, told as one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

from couler_plugins.cli.columns import number_text
from couler_plugins.plan import Decision

__all__ = ["Alike", "in_groups"]

FEWEST = 3
"""Decisions that make a table."""
SHOWN = 24
"""Rows of a table that are shown; of more, the first, and what they come to."""
FIRST = 12


class Alike(NamedTuple):
    """Decisions of the same action, reason and kinds of figures.

    Attributes:
        title: what they have in common.
        head: the names of the columns.
        rows: the subjects with their figures, the first ones and a summary where there are many.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def in_groups(decisions: Iterable[Decision]) -> Iterator[Alike | Decision]:
    """The decisions in their order, those in a row that are alike as one."""
    for (action, reason, names), group in groupby(decisions, _common):
        alike = list(group)
        if not names or len(alike) < FEWEST:
            yield from alike
            continue
        title = f"{action or 'left alone'}: {reason} ({len(alike):,} times)"
        yield Alike(title, ("", *names), _rows(alike, names))


def _common(decision: Decision) -> tuple[str, str, tuple[str, ...]]:
    return decision.action, decision.reason, tuple(name for name, _ in decision.figures)


def _rows(alike: Sequence[Decision], names: Sequence[str]) -> list[list[str]]:
    shown = alike if len(alike) <= SHOWN else alike[:FIRST]
    rows = [[one.subject or one.workflow, *(number_text(value) for _, value in one.figures)] for one in shown]
    if len(alike) > len(shown):
        values = [[one.figures[column][1] for one in alike] for column in range(len(names))]
        rows.append([f"and {len(alike) - len(shown):,} more", *([""] * len(names))])
        for title, figure in (("least of all", min), ("median", median), ("most", max)):
            rows.append([title, *(_summary(column, figure) for column in values)])
    return rows


def _summary(values: Sequence[object], figure: object) -> str:
    """A figure over numbers; empty where some are none."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return number_text(figure(numbers)) if callable(figure) and len(numbers) == len(values) else ""
