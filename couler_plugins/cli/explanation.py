"""The decisions of a run for people: tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

from couler_plugins.api import FileResult, Result
from couler_plugins.cli.outputs import write_bytes
from couler_plugins.plan import Decision

__all__ = ["print_explanation"]


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
        lines += [f"    {_where(decision)}: {_what(decision)}" for decision in item.decisions]
    return "\n".join([*lines, ""])


def _print_tables(file: FileResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(force_terminal=True)
    console.print(Text(f"{file.name}: {_summary(file)}", style="bold"))
    for item in file.passes:
        table = Table(title=Text(item.optimizer), title_justify="left", expand=False)
        for title in ("where", "what", "why", "figures"):
            table.add_column(title, overflow="fold")
        for decision in item.decisions:
            cells = (_where(decision), decision.action or "left alone", decision.reason, _figures(decision))
            # As Text: a name such as `[b]` is no markup.
            table.add_row(*(Text(cell) for cell in cells))
        console.print(table)


def _summary(file: FileResult) -> str:
    if not file.workflows:
        return "no workflow found"
    found = f"{file.workflows} workflow{'s' if file.workflows > 1 else ''}"
    count = sum(1 for decision in file.decisions if decision.action)
    if not count:
        return f"{found}, nothing to do" if file.status == "ok" else f"{found}, rewritten"
    return f"{found}, {count} change{'s' if count > 1 else ''}"


def _where(decision: Decision) -> str:
    return " ".join(part for part in (decision.workflow, decision.subject) if part)


def _what(decision: Decision) -> str:
    parts = f"{decision.action or 'left alone'}: {decision.reason}".removesuffix(": ")
    figures = _figures(decision)
    names = ", ".join(name or "the entry or a handler" for name in decision.affects)
    affects = f"; affects {names}" if names else ""
    return f"{parts}{f' ({figures})' if figures else ''}{affects}"


def _figures(decision: Decision) -> str:
    return ", ".join(f"{name} {value}" for name, value in decision.figures)
