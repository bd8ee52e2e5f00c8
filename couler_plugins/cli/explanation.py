"""Decisions of a run for people: by file, workflow and optimizer, with lines, and a total at the end."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import click
import msgspec

from couler_plugins.cli.messages import counted, use_color, write_bytes
from couler_plugins.cli.outputs import NAMED, columns, names, number_text
from couler_plugins.cli.stored_results import StoredResults
from couler_plugins.cli.verdicts import REASONS, VerdictGroups, total_lines
from couler_plugins.documents import SourceFile
from couler_plugins.documents.mappings import by_key
from couler_plugins.driver.pipeline import Pass
from couler_plugins.driver.results import FileResult, Result
from couler_plugins.driver.verdict_totals import decisions_by
from couler_plugins.hookspecs.caching import SourcePlace
from couler_plugins.options.config import Config
from couler_plugins.plan import Decision
from couler_plugins.runs.run import median

FEW = 4
"""Figures that stand in the line of a decision; more stand below it."""
WIDTH = 100
FEWEST = 3
"""Decisions that make a table."""
SHOWN = 24
"""Rows of a table that are shown; of more, the first, and what they come to."""
FIRST = 12
LEFT_ALONE = 3
"""Lines of a file with one workflow, one optimizer and one sentence: where nothing changes, they are one line."""


def print_explanation(result: Result, config: Config, *, stored: StoredResults | None = None) -> None:
    """Print an explanation; long lists to their ends under `-v`.

    Args:
        result: what `optimize` gave, with line numbers.
        config: the settings.
        stored: what a store has of its steps; None where nobody looked.
    """
    full = config.log_level in ("info", "debug")
    for line in explanation_lines(result, stored, full=full, color=use_color(config)):
        write_bytes(f"{line}\n")


def explanation_lines(
    result: Result, stored: StoredResults | None = None, *, full: bool = False, color: bool = False
) -> Iterator[str]:
    """Yield what was decided about each file with workflows, and the total.

    Args:
        result: what `optimize` gave, with line numbers.
        stored: what a store has of its steps; None where nobody looked.
        full: whether long lists go to their ends.
        color: whether the names of files are bold.
    """
    groups = VerdictGroups()
    general: dict[str, None] = {}
    labels = by_key(
        (trace.file, workflow.label)
        for trace in result.workflow_versions
        if (workflow := trace.versions[0]) is not None
    )
    for number, file in enumerate(result.files):
        if file.status != "refused" and file.workflows:
            title, *lines = _file_lines(file, labels.get(number, ()), groups, stored, full=full)
            if len(lines) == LEFT_ALONE and not any(one.action or one.verdict for one in file.decisions):
                title, lines = f"{title} by {lines[1].strip()}: {lines[2].strip()}", []
            general.update(
                dict.fromkeys(item.advice for one in file.decisions if _is_general(one) for item in one.objections)
            )
            yield from (click.style(title, bold=True) if color else title, *lines)
    total = [*_totals(result, None if full else REASONS), *total_lines(result)]
    total += (f"{text[:1].upper()}{text[1:]}." for text in general)
    yield from ("", *total) if total else ()


def _totals(result: Result, most: int | None) -> Iterator[str]:
    """Yield how much each optimizer changed, and the `most` frequent reasons why it left something alone."""
    for optimizer in dict.fromkeys(text.partition("{")[0] for text in result.optimizers):
        own = [(number, one) for number, one in decisions_by(result, optimizer) if not one.verdict]
        steps = {(number, one.workflow, name) for number, one in own if one.action for name in _reach(one)}
        reasons = Counter(one.reason for _, one in own if not (one.action or one.objections) for _ in _reach(one))
        if len(steps) + reasons.total() > 1:  # of one step, its own line says all
            what = [f"{counted(len(steps), 'step')} changed"] if steps or not any(one.action for _, one in own) else []
            what += ["left alone, by reason (a step can have several):"] if reasons else []
            yield f"{optimizer}: {'; '.join(what)}"
            yield from (f"{number:>7,}  {reason}" for reason, number in reasons.most_common(most))
            if most is not None and len(reasons) > most:
                yield f"{'':9}and {counted(len(reasons) - most, 'more reason')}, which -v prints"


def _reach(decision: Decision) -> set[str]:
    """Return the steps that a decision is about, by name; the operations where it names no steps."""
    about = {decision.subject, *decision.affects} if decision.subject else set[str]()  # else it is about the workflow
    return {name for name in about if "/" in name or not name} or about


def _file_lines(
    file: FileResult, labels: Collection[str], groups: VerdictGroups, stored: StoredResults | None, *, full: bool
) -> Iterator[str]:
    yield f"{file.name}: {_summary(file)}"
    sections = [(item.optimizer, _by_workflow(item.decisions, labels)) for item in file.passes]
    for workflow in dict.fromkeys(label for _, section in sections for label in section):
        yield f"  {workflow}"
        for optimizer, section in sections:
            own = section.get(workflow, [])
            verdicts = [decision for decision in own if decision.verdict]
            others = [decision for decision in own if not decision.verdict and not _is_general(decision)]
            if others:
                yield f"    {optimizer}"
            for group in in_groups(_merged(others)):
                lines = (
                    [group.title, *(f"  {line}" for line in columns(group.head, group.rows))]
                    if isinstance(group, Alike)
                    else _describe(group, workflow, full=full)
                )
                yield from (f"      {line}" for line in lines)
            yield from (f"    {line}" for line in groups.lines(verdicts, file.name))
            yield from (f"    {line}" for line in (stored.lines(verdicts) if stored is not None else ()))


def _is_general(decision: Decision) -> bool:
    """Return whether a decision is about no step, but about all: it is told once, at the end."""
    return not decision.verdict and bool(decision.objections)


def _by_workflow(decisions: Iterable[Decision], labels: Collection[str]) -> dict[str, list[Decision]]:
    """The decisions by workflow of the file; those on a workflow that an optimizer makes stay with what they follow."""
    by_workflow: dict[str, list[Decision]] = {}
    last = ""
    for decision in decisions:
        last = decision.workflow if decision.workflow in labels or not last else last
        by_workflow.setdefault(last, []).append(decision)
    return by_workflow


def _merged(decisions: Iterable[Decision]) -> Iterator[Decision]:
    """Yield decisions; of those that leave steps alone for the same reason, the first, about all of them."""
    same = by_key((id(one) if one.action or one.figures else (one.workflow, one.reason), one) for one in decisions)
    for first, *others in same.values():
        more = (name for one in others for name in (one.subject or one.workflow, *one.affects))
        yield msgspec.structs.replace(first, affects=(*first.affects, *more))


def _describe(decision: Decision, workflow: str, *, full: bool) -> list[str]:
    figures = ", ".join(f"{name} {number_text(value)}" for name, value in decision.figures)
    if decision.affects and not decision.action:
        steps = (decision.subject or decision.workflow, *decision.affects)
        listed = _wrap(names(steps, len(steps) if full else NAMED))
        return [_what(decision, figures), *(f"  {line}" for line in listed)]
    subject = " ".join(part for part in (decision.workflow, decision.subject) if part and part != workflow)
    where = f"{subject}: " if subject else ""
    if len(decision.figures) <= FEW:
        return [f"{where}{_what(decision, figures)}"]
    return [f"{where}{_what(decision, '')}", *(f"  {line}" for line in _wrap(figures))]


def _wrap(figures: str) -> list[str]:
    """The figures in lines, none of them torn in two."""
    whole = "\xa0"
    text = figures.replace(" ", whole).replace(f",{whole}", ", ")
    lines = textwrap.wrap(text, WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    return [line.replace(whole, " ") for line in lines]


def _summary(file: FileResult) -> str:
    workflows = counted(file.workflows, "workflow")
    count = sum(1 for decision in file.decisions if decision.action)
    if not count:
        return f"{workflows}, no change" if file.status == "ok" else f"{workflows}, rewritten"
    acts = {(one.workflow, name) for one in file.decisions if one.action and not one.verdict for name in _reach(one)}
    return f"{workflows}, {counted(count, 'change')}{f' to {len(acts):,} steps' if len(acts) > count else ''}"


def _what(decision: Decision, figures: str) -> str:
    parts = f"{decision.action or 'left alone'}: {decision.reason}".removesuffix(": ")
    affects = f"; affects {names(decision.affects)}" if decision.affects and decision.action else ""
    return f"{parts}{f' ({figures})' if figures else ''}{affects}"


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
    for (action, reason, figures), group in groupby(decisions, _common):
        alike = list(group)
        if not figures or len(alike) < FEWEST:
            yield from alike
            continue
        title = f"{action or 'left alone'}: {reason} ({len(alike):,} times)"
        yield Alike(title, ("", *figures), _rows(alike, figures))


def _common(decision: Decision) -> tuple[str, str, tuple[str, ...]]:
    return decision.action, decision.reason, tuple(name for name, _ in decision.figures)


def _rows(alike: Sequence[Decision], names: Sequence[str]) -> list[list[str]]:
    shown = alike if len(alike) <= SHOWN else alike[:FIRST]
    rows = [[one.subject or one.workflow, *(number_text(value) for _, value in one.figures)] for one in shown]
    if len(alike) > len(shown):
        values = [[one.figures[column][1] for one in alike] for column in range(len(names))]
        rows.append([f"and {len(alike) - len(shown):,} more", *([""] * len(names))])
        for title, figure in (("least of all", min), ("median", median), ("most", max)):
            rows.append([title, *(_overall(column, figure) for column in values)])
    return rows


def _overall(values: Sequence[object], figure: object) -> str:
    """A figure over numbers; empty where some are none."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return number_text(figure(numbers)) if callable(figure) and len(numbers) == len(values) else ""


def with_lines(result: Result, files: Iterable[SourceFile]) -> Result:
    """Return the result with a line number at each place that its decisions name.

    Args:
        result: what was decided.
        files: the files as they were read.
    """
    return replace(result, files=tuple(map(_Lines(files).file, result.files)))


class _Lines:
    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._files = {file.name: file for file in files if file.format != "python"}
        self._decisions: dict[int, tuple[Decision, Decision]] = {}

    def file(self, file: FileResult) -> FileResult:
        passes = (Pass(item.optimizer, tuple(map(self._decision, item.decisions))) for item in file.passes)
        return replace(file, passes=tuple(passes))

    def _decision(self, decision: Decision) -> Decision:
        if id(decision) not in self._decisions:  # one about several files stays one
            self._decisions[id(decision)] = decision, decision.map_places(self._place)
        return self._decisions[id(decision)][1]

    def _place(self, place: SourcePlace | None, seen: str) -> SourcePlace | None:
        file = None if place is None or place.line is not None else self._files.get(place.file)
        if place is None or file is None or place.document >= len(file.documents):
            return place
        line = file.documents[place.document].line_within(place.path, seen)
        return msgspec.structs.replace(place, line=line)
