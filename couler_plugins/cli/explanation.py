"""The decisions of a run for people: by file, workflow and optimizer, with a total at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import click

from couler_plugins.api import FileResult, Result
from couler_plugins.cli.alike import Alike, in_groups
from couler_plugins.cli.columns import columns, number_text
from couler_plugins.cli.outputs import write_bytes
from couler_plugins.cli.totals import total_lines
from couler_plugins.cli.verdict_groups import VerdictGroups
from couler_plugins.plan import Decision

__all__ = ["print_explanation"]

NAMED = 12
"""How many names of what a decision affects are printed."""
FEW = 4
"""Figures that stand in the line of a decision; more stand below it."""
WIDTH = 100


def print_explanation(result: Result, *, color: bool) -> None:
    """Print what was decided about each file with workflows, and the total.

    Args:
        result: what `optimize` gave, with line numbers.
        color: whether to print in colour.
    """
    groups = VerdictGroups()
    for file in result.files:
        if file.status != "refused" and file.workflows:
            title, *lines = _file_lines(file, groups)
            write_bytes("".join(f"{line}\n" for line in (click.style(title, bold=True) if color else title, *lines)))
    total = total_lines(result)
    if total:
        write_bytes("".join(f"{line}\n" for line in ("", *total)))


def _file_lines(file: FileResult, groups: VerdictGroups) -> Iterator[str]:
    yield f"{file.name}: {_summary(file)}"
    for workflow in dict.fromkeys(decision.workflow for decision in file.decisions):
        yield f"  {workflow}"
        for item in file.passes:
            own = [decision for decision in item.decisions if decision.workflow == workflow]
            yield from (f"    {line}" for line in _pass_lines(item.optimizer, own, file.name, groups))


def _pass_lines(optimizer: str, decisions: Sequence[Decision], file: str, groups: VerdictGroups) -> Iterator[str]:
    others = [decision for decision in decisions if not decision.verdict]
    if others:
        yield optimizer
    for told in in_groups(others):
        yield from (f"  {line}" for line in (_table(told) if isinstance(told, Alike) else _told(told)))
    yield from groups.lines([decision for decision in decisions if decision.verdict], file)


def _table(alike: Alike) -> list[str]:
    return [alike.title, *(f"  {line}" for line in columns(alike.head, alike.rows))]


def _told(decision: Decision) -> list[str]:
    figures = ", ".join(f"{name} {number_text(value)}" for name, value in decision.figures)
    where = f"{decision.subject}: " if decision.subject else ""
    if len(decision.figures) <= FEW:
        return [f"{where}{_what(decision, figures)}"]
    return [f"{where}{_what(decision, '')}", *(f"  {line}" for line in _wrapped(figures))]


def _wrapped(figures: str) -> list[str]:
    """The figures in lines, none of them torn in two."""
    whole = "\xa0"
    text = figures.replace(" ", whole).replace(f",{whole}", ", ")
    lines = textwrap.wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return [line.replace(whole, " ") for line in lines]


def _summary(file: FileResult) -> str:
    workflows = f"{file.workflows} workflow{'s' if file.workflows > 1 else ''}"
    count = sum(1 for decision in file.decisions if decision.action)
    if not count:
        return f"{workflows}, no change" if file.status == "ok" else f"{workflows}, rewritten"
    return f"{workflows}, {count} change{'s' if count > 1 else ''}"


def _what(decision: Decision, figures: str) -> str:
    parts = f"{decision.action or 'left alone'}: {decision.reason}".removesuffix(": ")
    affects = f"; affects {names(decision.affects)}" if decision.affects else ""
    return f"{parts}{f' ({figures})' if figures else ''}{affects}"


def names(items: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(items) - NAMED:,} more" if len(items) > NAMED else ""
    return ", ".join(name or "the entry or a handler" for name in items[:NAMED]) + more
