"""Sorts out what belongs to which file: texts, documents, decisions, edits, workflows."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from couler_plugins.documents import SourceFile, read
from couler_plugins.documents.mappings import by_key
from couler_plugins.driver.pipeline import Pass
from couler_plugins.driver.results import FileResult, WorkflowVersions
from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs.caching import SourcePlace
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Bundle, Workflow
from couler_plugins.plan import Decision, Lowered, Plan, Shown, TracedEdit, Written


class FileState:
    """What is known of one file so far.

    Attributes:
        source: the file as it was read; None where it cannot be.
        error: why it is refused.
        text: its text after the engines so far.
        data: the data of its documents after the engines so far.
        workflows: how many workflows were found in it.
        shown: what is shown of it instead of its text, where it is a program.
        edits: the differences, each with the number of the decision (as `add` gave it) behind it.
    """

    def __init__(self, item: Input) -> None:
        self._item = item
        self.source: SourceFile | None = item.file
        self.error: CoulerError | None = item.error
        self.text: str | None = item.file.text if item.file else None
        self.data: list[Any] = [document.data for document in item.file.documents] if item.file else []
        self.workflows = 0
        self.shown: Shown | None = None
        self.edits: list[tuple[TracedEdit, int | None]] = []
        self._decisions: list[tuple[tuple[int, str], Decision]] = []

    def current(self) -> SourceFile:
        """The file as the engines before have left it: one file may hold workflows of several."""
        assert self.source is not None
        assert self.text is not None
        if self.text != self.source.text:
            return replace(read(self.text, self.source.name, max_bytes=sys.maxsize), place=self.source.place)
        return self.source

    def refuse(self, error: CoulerError) -> None:
        """Marks the file as refused; the first error stays."""
        if error.file is None:
            error.file = self._item.name
        self.error = self.error or error

    def add(self, step: int, title: str, decision: Decision) -> int:
        """Adds a decision of the nth step of the work, and returns its number."""
        self._decisions.append(((step, title), decision))
        return len(self._decisions) - 1

    def result(self) -> FileResult:
        """What became of the file: the decisions sorted by the step that took them."""
        original, text = self.source.text if self.source else None, self.text
        if self.shown is not None:
            original, text = self.shown.before, self.shown.after
        result = FileResult(
            name=self._item.name,
            relative=self._item.relative,
            path=self._item.path,
            status="refused" if self.error else "ok" if text == original else "changed",
            original=original,
            workflows=self.workflows,
            error=self.error,
            unwritable=self.shown.error if self.shown is not None else None,
        )
        if self.error is not None:
            return result
        order = sorted(range(len(self._decisions)), key=lambda number: self._decisions[number][0][0])
        position = {number: index for index, number in enumerate(order)}
        passes = by_key(self._decisions[number] for number in order)
        return replace(
            result,
            text=text,
            documents=tuple(self.data),
            passes=tuple(Pass(title, tuple(decisions)) for (_, title), decisions in passes.items()),
            edits=tuple(
                msgspec.structs.replace(edit, decision=None if number is None else position[number])
                for edit, number in self.edits
            ),
        )


def hand_out(
    files: Sequence[FileState], plan: Plan, passes: Sequence[Pass], lowered: Lowered, written: Written
) -> None:
    """Gives each file what is its own.

    Args:
        files: the files, numbered as in the bundle.
        plan: what was lowered.
        passes: what the optimizers decided, in order.
        lowered: what came of it.
        written: the texts of that.
    """
    numbers = (*plan.bundle.file_numbers, *(number for number, _ in lowered.appended))
    counts: Counter[int] = Counter()
    indexes: list[int] = []  # of each document within its file
    for number in numbers:
        indexes.append(counts[number])
        counts[number] += 1
    for number, text in written.texts.items():
        files[number].text = text
    for number, shown in written.shown.items():
        files[number].shown = shown
        files[number].data = [
            item.data
            for item, own in zip(plan.bundle.documents, plan.bundle.file_numbers, strict=True)
            if own == number
        ]
    for document, data in lowered.changed.items():
        files[numbers[document]].data[indexes[document]] = data
    for number, data in lowered.appended:
        files[number].data.append(data)
    for workflow in plan.originals:
        if workflow.source is not None:
            files[numbers[int(workflow.source[0])]].workflows += 1
    steps = [(step, item.optimizer) for step, item in enumerate(passes) for _ in item.decisions]
    decisions = (*lowered.decisions, *written.decisions)
    entries: dict[tuple[int, int], int] = {}
    for position, about in enumerate(_files_of_decisions(plan, decisions, lowered.edits, numbers)):
        decision = decisions[position]
        step, title = steps[position] if position < len(steps) else (len(passes), decision.optimizer)
        decision = _in_files(decision, plan.bundle, indexes)
        for number in about:
            entries[position, number] = files[number].add(step, title, decision)
    for edit in lowered.edits:
        number = numbers[edit.document]
        entry = None if edit.decision is None else entries.get((edit.decision, number))
        files[number].edits.append((msgspec.structs.replace(edit, document=indexes[edit.document]), entry))


def _in_files(decision: Decision, bundle: Bundle, indexes: Sequence[int]) -> Decision:
    """The decision with its places in files: documents are numbered within these, and no longer in the bundle."""

    def moved(place: SourcePlace | None, _: str) -> SourcePlace | None:
        if place is None or place.file:
            return place
        number = bundle.file_numbers[place.document]
        return msgspec.structs.replace(place, file=bundle.files[number].name, document=indexes[place.document])

    return decision.map_places(moved)


def trace_workflows(
    bundle: Bundle, versions: Sequence[Sequence[Workflow]], positions: Sequence[int]
) -> Iterator[WorkflowVersions]:
    """The workflows, version by version, paired by where they were read.

    Args:
        bundle: what they were read from.
        versions: the workflows as read, then as each optimizer left them.
        positions: of the bundle's files among those of the call.
    """
    numbers = bundle.file_numbers
    first = {number: document for document, number in reversed(list(enumerate(numbers)))}
    traces: dict[object, list[Workflow | None]] = {}
    for version, workflows in enumerate(versions):
        for workflow in workflows:
            place = workflow.source if workflow.source is not None else workflow.label
            traces.setdefault(place, [None] * len(versions))[version] = workflow
    for trace in traces.values():
        source = next(workflow.source for workflow in trace if workflow is not None)
        if source is None:
            yield WorkflowVersions(file=None, document=None, versions=tuple(trace))
        else:
            number = numbers[int(source[0])]
            document = int(source[0]) - first[number]
            yield WorkflowVersions(file=positions[number], document=document, versions=tuple(trace))


def _files_of_decisions(
    plan: Plan, decisions: Sequence[Decision], edits: Sequence[TracedEdit], numbers: Sequence[int]
) -> Iterator[Sequence[int]]:
    """The numbers of the files that each decision is about.

    Where a decision gives no document, it is about all files with a workflow that it names (or the file itself, where
    the text as a whole is meant); of several, about those with edits that point to it. One about a workflow that is in
    no file (a new one) is shown for every file.
    """
    names = [(file.name, number) for number, file in enumerate(plan.bundle.files)]
    names += [
        (workflow.label, numbers[int(workflow.source[0])])
        for workflow in (*plan.originals, *plan.workflows)
        if workflow.source is not None
    ]
    named = by_key(names)
    edited = by_key((edit.decision, numbers[edit.document]) for edit in edits)
    for position, decision in enumerate(decisions):
        if decision.document is not None:
            yield [numbers[decision.document]]
            continue
        candidates = set(named.get(decision.workflow, ()))
        yield sorted(candidates.intersection(edited.get(position, ())) or candidates) or range(len(plan.bundle.files))
