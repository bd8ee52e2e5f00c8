"""The decisions of a run for people: tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import textwrap

from couler_plugins.api import FileResult, Result
from couler_plugins.cli.alike import Alike, in_groups
from couler_plugins.cli.columns import columns, number_text
from couler_plugins.cli.messages import nothing_in
from couler_plugins.cli.outputs import write_bytes
from couler_plugins.plan import Decision

__all__ = ["print_explanation"]

NAMED = 12
"""How many names of what a decision affects are printed."""
FEW = 4
"""Figures that stand in the line of a decision; more stand below it."""
WIDTH = 100


def print_explanation(result: Result, *, rich: bool) -> None:
    """Prints what was decided about each file that is not refused.

    Args:
        result: what `optimize` gave.
        rich: whether to print tables in colour.
    """
    for file in result.files:
        if file.status != "refused":
            if rich:
                _print_tables(file)
            else:
                write_bytes(_plain(file))


def _plain(file: FileResult) -> str:
    lines = [f"{file.name}: {_summary(file)}"]
    for item in file.passes:
        lines.append(f"  {item.optimizer}")
        for told in in_groups(item.decisions):
            lines += (f"    {line}" for line in (_table(told) if isinstance(told, Alike) else _told(told)))
    return "\n".join([*lines, ""])


def _table(alike: Alike) -> list[str]:
    return [alike.title, *(f"  {line}" for line in columns(alike.head, alike.rows))]


def _told(decision: Decision) -> list[str]:
    where, figures = _where(decision), _figures(decision)
    if len(decision.figures) <= FEW:
        return [f"{where}: {_what(decision, figures)}"]
    return [f"{where}: {_what(decision, '')}", *(f"  {line}" for line in _wrapped(figures))]


def _wrapped(figures: str) -> list[str]:
    """The figures in lines, none of them torn in two."""
    whole = "\xa0"
    text = figures.replace(" ", whole).replace(f",{whole}", ", ")
    lines = textwrap.wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return [line.replace(whole, " ") for line in lines]


def _print_tables(file: FileResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(force_terminal=True)
    console.print(Text(f"{file.name}: {_summary(file)}", style="bold"))
    for item in file.passes:
        table = Table("where", "what", "why", "figures", title=Text(item.optimizer), title_justify="left")
        tables = []
        for told in in_groups(item.decisions):
            # As Text: a name such as `[b]` is no markup.
            if isinstance(told, Alike):
                inner = Table(title=Text(told.title), title_justify="left")
                for at, name in enumerate(told.head):
                    inner.add_column(Text(name), justify="right" if at else "left")
                for row in told.rows:
                    inner.add_row(*map(Text, row))
                tables.append(inner)
            else:
                cells = (_where(told), told.action or "left alone", told.reason, _figures(told))
                table.add_row(*map(Text, cells))
        for column in table.columns:
            column.overflow = "fold"
        for shown in ([table] if table.rows or not tables else []) + tables:
            console.print(shown)


def _summary(file: FileResult) -> str:
    if not file.workflows:
        return nothing_in(file.name)
    found = f"{file.workflows} workflow{'s' if file.workflows > 1 else ''}"
    count = sum(1 for decision in file.decisions if decision.action)
    if not count:
        return f"{found}, nothing to do" if file.status == "ok" else f"{found}, rewritten"
    return f"{found}, {count} change{'s' if count > 1 else ''}"


def _where(decision: Decision) -> str:
    return " ".join(part for part in (decision.workflow, decision.subject) if part)


def _what(decision: Decision, figures: str) -> str:
    parts = f"{decision.action or 'left alone'}: {decision.reason}".removesuffix(": ")
    names = ", ".join(name or "the entry or a handler" for name in decision.affects[:NAMED])
    more = f" and {len(decision.affects) - NAMED:,} more" if len(decision.affects) > NAMED else ""
    affects = f"; affects {names}{more}" if names else ""
    return f"{parts}{f' ({figures})' if figures else ''}{affects}"


def _figures(decision: Decision) -> str:
    return ", ".join(f"{name} {number_text(value)}" for name, value in decision.figures)
