"""Needs of tasks, as Argo finds them in `depends` and `dependencies`, and the order that they make.

Only the pairs that are asked for are looked at: all of them would be a hundred million for ten thousand tasks.

References between the tasks of a DAG: whether what they refer to has ended by then.

Argo refuses such a reference only where it is a status or the beginning of an argument; elsewhere it lets it through,
and what runs gets the text as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from couler_argo.lint.arguments import as_text
from couler_argo.lint.calls import Callee
from couler_argo.lint.loops import loops
from couler_argo.lint.report import Report
from couler_argo.lint.run import Scope
from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.legalize.depends import OUTCOMES, parse_depends
from couler_plugins.errors import InvalidInput

NAME = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?)\.([A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")
PLAIN = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
OF_LOOPS = ("AnySucceeded", "AllFailed")


class Tasks(NamedTuple):
    """The tasks of a DAG.

    Attributes:
        items: the tasks, in order.
        by_name: the place of each in that order; of two of one name, the last.
        waits: for each task, the names that it waits for, each with whether a loop's outcome is asked of it.
    """

    items: list[Mapped]
    by_name: dict[str, int]
    waits: list[dict[str, bool]]

    @classmethod
    def of(cls, items: list[Mapped]) -> Tasks:
        by_name = {item.get("name", ""): number for number, item in enumerate(items)}
        return cls(items, by_name, [_waits(item) for item in items])


def _waits(task: Mapped) -> dict[str, bool]:
    if depends := task.get("depends"):
        return _named(depends)
    waits: dict[str, bool] = {}
    for name in task.get("dependencies", ()):
        if PLAIN.fullmatch(name):
            waits[name] = False
        else:
            waits.update(_named(f"({name}.Succeeded)"))
    return waits


def _named(text: str) -> dict[str, bool]:
    names: dict[str, bool] = {}
    for match in NAME.finditer(text):
        if match[3]:
            names[match[3]] = False
        elif match[2] in OF_LOOPS:
            names[match[1]] = True
        else:
            names.setdefault(match[1], False)
    return names


def check_needs(tasks: Tasks, path: Path, where: str, report: Report) -> None:
    """What is wrong with what the tasks say of each other; `path` is that of the tasks."""
    uses_depends = any(task.get("depends") for task in tasks.items)
    for number, task in enumerate(tasks.items):
        place = (*path, number)
        name = task.get("name", "")
        subject = f"{where}, task {name!r}"
        _check_dialect(task, uses_depends, place, subject, report)
        if depends := task.get("depends"):
            _check_depends(depends, (*place, "depends"), subject, report)
        for needed, of_loop in tasks.waits[number].items():
            at = (*place, "depends") if depends else _at(task, needed, place)
            if needed not in tasks.by_name:
                hint = report.meant(needed, tasks.by_name, "correct the name, or add the task")
                message = f"{subject} waits for {needed!r}, which does not exist"
                report.error("unknown-dependency", at, message, hint)
            elif of_loop and not loops(tasks.items[tasks.by_name[needed]]):
                message = f"{subject} asks {needed!r} for an outcome of a loop, and it does not loop"
                report.error("outcome", at, message, f"use {needed}.Succeeded or {needed}.Failed")


def _at(task: Mapped, needed: str, place: Path) -> Path:
    listed = task.get("dependencies", [])
    return (*place, "dependencies", listed.index(needed)) if needed in listed else (*place, "dependencies")


def _check_dialect(task: Mapped, uses_depends: bool, path: Path, subject: str, report: Report) -> None:
    name, listed = task.get("name", ""), task.get("dependencies")
    if (uses_depends or listed) and name[:1].isdecimal() and name[:1].isascii():
        message = f"{subject} has a name that begins with a digit, in a DAG with dependencies"
        report.error("digit-name", (*path, "name"), message, "begin it with a letter")
    if uses_depends and listed:
        hint = f"write depends: {' && '.join(listed)}"
        message = f"{subject} has dependencies in a DAG that uses depends"
        report.error("mixed-dialects", (*path, "dependencies"), message, hint)
    if uses_depends and "continueOn" in task:
        message = f"{subject} has continueOn in a DAG that uses depends"
        hint = f"let those that wait for it say {name}.Succeeded || {name}.Failed"
        report.error("continue-on-with-depends", (*path, "continueOn"), message, hint)


def _check_depends(depends: str, path: Path, subject: str, report: Report) -> None:
    unknown = [match[2] for match in NAME.finditer(depends) if match[2] and match[2] not in OUTCOMES]
    for word in unknown:
        hint = report.meant(word, OUTCOMES, f"use one of {', '.join(OUTCOMES)}")
        report.error("outcome", path, f"{subject} depends on an outcome {word!r}, which does not exist", hint)
    if not unknown:
        try:
            parse_depends(depends, lambda name: ())
        except InvalidInput as error:
            report.warning("depends-syntax", path, f"{subject}: {error.message}", error.hint or "")


CHUNK = 4096
"""How many tasks are followed at a time, one bit of a number for each."""


def order_of(waits: Sequence[Sequence[int]]) -> list[int]:
    """The tasks in an order in which they can run; those of cycles, and behind them, are missing."""
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(range(len(waits)), ()))
    for number, before in enumerate(waits):
        sorter.add(number, *before)
    with suppress(CycleError):  # it goes on to what waits for a cycle
        sorter.prepare()
    order: list[int] = []
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    return order


def cycle_of(waits: Sequence[Sequence[int]], order: Sequence[int]) -> list[int]:
    """Tasks that wait for each other in a ring; none if the order holds all tasks."""
    remaining = set(range(len(waits))).difference(order)
    if not remaining:
        return []
    path: dict[int, None] = {}
    current = min(remaining)
    while current not in path:  # each of those left waits for one of those left
        path[current] = None
        current = next(other for other in waits[current] if other in remaining)
    ring = list(path)
    return ring[ring.index(current) :]


def not_before(
    questions: Iterable[tuple[int, int]], waits: Sequence[Sequence[int]], order: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Of pairs (task, other), those whose other task need not have ended when the task begins."""
    open_ = [(task, other) for task, other in questions if other not in waits[task]]
    others = list(dict.fromkeys(other for _, other in open_))
    for start in range(0, len(others), CHUNK):
        bits = {other: 1 << number for number, other in enumerate(others[start : start + CHUNK])}
        before = [0] * len(waits)
        for task in order:
            bits_before = 0
            for other in waits[task]:
                bits_before |= before[other] | bits.get(other, 0)
            before[task] = bits_before
        yield from ((task, other) for task, other in open_ if other in bits and not before[task] & bits[other])


class _Asked(NamedTuple):
    """One reference: its text and place, and whether Argo refuses it where the task has not ended."""

    tag: str
    path: Path
    refused: bool


class Order:
    """Collects references, to look at all of them at once.

    Args:
        caller: the DAG's template.
        tasks: its tasks.
        scope: what can be referred to in it.
    """

    def __init__(self, caller: Callee, tasks: Tasks, scope: Scope) -> None:
        self._caller = caller
        self._tasks = tasks
        self._scope = scope
        self._asked: dict[tuple[int, int], list[_Asked]] = {}

    def takes(self, tag: str, path: Path, number: int) -> bool:
        """Whether a tag of a task is the status of another, which is known if that one has ended; else it may be."""
        if not tag.startswith("tasks."):
            return False
        _, name, *rest = tag.split(".")
        other = self._tasks.by_name.get(name)
        if other is None or (other == number and "hooks" in path) or not rest:
            return False
        status = rest == ["status"]
        refused = status and tag not in self._scope.names and tag[: -len(".status")] not in self._scope.open
        self._asked.setdefault((number, other), []).append(_Asked(tag, path, refused))
        return status and other != number

    def takes_arguments(self, arguments: Mapped, path: Path, number: int) -> None:
        """Arguments that begin with a reference to another task: Argo refuses them where that need not have ended."""
        for plural, key in (("parameters", "value"), ("artifacts", "from")):
            for index, item in enumerate(arguments.get(plural, ())):
                text = as_text(item.get(key))
                if not text.startswith("{{tasks."):
                    continue
                name = text.split(".", 2)[1]
                question = _Asked(text[2:].split("}}")[0], (*path, plural, index, key), True)
                other = self._tasks.by_name.get(name)
                if other is not None:
                    self._asked.setdefault((number, other), []).append(question)
                elif self._scope.knows(question.tag):  # else it is said already
                    self._say(question, number, name)

    def check(self, waits: Sequence[Sequence[int]], order: Sequence[int]) -> None:
        """Says which of the references are to tasks that need not have ended."""
        for number, other in not_before(self._asked, waits, order):
            worst: dict[Path, _Asked] = {}
            for question in self._asked[number, other]:
                if question.refused or question.path not in worst:
                    worst[question.path] = question
            for question in worst.values():
                self._say(question, number, str(self._tasks.items[other].get("name", "")))

    def _say(self, question: _Asked, number: int, name: str) -> None:
        own = str(self._tasks.items[number].get("name", ""))
        where = f"{self._caller.where}, task {own!r}: "
        if name == own:
            message = f"{where}{{{{{question.tag}}}}} refers to the task itself, before it has run"
            hint = "refer to another task"
        else:
            message = f"{where}{{{{{question.tag}}}}} refers to {name!r}, which need not have ended by then"
            hint = f"let {own!r} depend on {name!r}"
        add = self._caller.report.error if question.refused else self._caller.report.warning
        add("reference-order", question.path, message, hint)
