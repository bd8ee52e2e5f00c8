"""The report of a conversion: what is carried, what is left out, and what is to be written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from couler_plugins.cli.markdown import plain, table
from couler_plugins.cli.messages import counted
from couler_plugins.driver.results import FileResult
from couler_plugins.errors import CoulerError
from couler_plugins.plan import Decision

OUTCOMES = {
    "whole": "carried whole",
    "detail": "carried, details left out",
    "run": "carried, but for what concerns whole runs",
    "step": "carried, with steps to write by hand",
    "library": "taken in where it is called",
    "refused": "not written",
}
"""What becomes of a file, from the best to the worst."""


def outcome_of(file: FileResult) -> str:
    """Return what became of a file: a key of `OUTCOMES`."""
    if file.error is not None:
        return "refused"
    if file.text is None:
        return "library"
    losses = {decision.loss for decision in file.decisions}
    return next((loss for loss in ("step", "run", "detail") if loss in losses), "whole")


def migration_report(files: Sequence[FileResult], to: str) -> str:
    """Return the report on files that were converted, as Markdown.

    Args:
        files: what became of them.
        to: the engine, with its options.
    """
    with_workflows = [file for file in files if file.workflows or file.error is not None]
    return "\n".join([*_summary(with_workflows, to), *_by_file(with_workflows), *_to_do(with_workflows), ""])


def _summary(files: Sequence[FileResult], to: str) -> Iterator[str]:
    counts = Counter(map(outcome_of, files))
    yield f"# Migration to {plain(to)}"
    yield ""
    yield f"{counted(len(files), 'file')} with workflows."
    rows = [(title, f"{counts[key]:,}", f"{counts[key] / len(files):.0%}") for key, title in OUTCOMES.items() if files]
    yield from table(("what becomes of them", "files", "share"), rows)


def _by_file(files: Sequence[FileResult]) -> Iterator[str]:
    yield from ("", "## Files") if files else ()
    rows = []
    for file in sorted(files, key=lambda file: (-[*OUTCOMES].index(outcome_of(file)), file.name)):
        counts = Counter(decision.loss for decision in file.decisions if decision.loss)
        numbers = [f"{counts[loss]:,}" if counts[loss] else "" for loss in ("detail", "run", "step")]
        rows.append((plain(file.name), f"{file.workflows:,}", OUTCOMES[outcome_of(file)], *numbers))
    head = ("file", "workflows", "what becomes of it", "details", "of whole runs", "by hand")
    yield from table(head, rows, most=len(rows))


def _to_do(files: Sequence[FileResult]) -> Iterator[str]:
    """Yield the list that an engineer works through: what is to be written first, and details last."""
    yield from ("", "## What to do") if any(outcome_of(file) != "whole" for file in files) else ()
    for file in files:
        items = list(_items(file))
        if items:
            yield from ("", f"### {plain(file.name)}", "", *items)


def _items(file: FileResult) -> Iterator[str]:
    if file.error is not None:
        for error in getattr(file.error, "parts", ()) or (file.error,):
            yield f"- [ ] not written: {_reason(error)}"
    order = ("step", "run", "detail")
    words = {"step": "write by hand", "run": "left out", "detail": "detail left out"}
    differences = [decision for decision in file.decisions if decision.loss]
    for decision in sorted(differences, key=lambda decision: order.index(decision.loss)):
        yield f"- [ ] {words[decision.loss]}: {_place(decision)}{plain(decision.reason)}"


def _place(decision: Decision) -> str:
    line = dict(decision.figures).get("line")
    return f"line {line}: " if line is not None else ""


def _reason(error: CoulerError) -> str:
    message = plain(error.message)
    line = f"line {error.line}: " if error.line is not None else ""
    return f"{line}{message}" + (f" ({plain(error.hint)})" if error.hint else "")
