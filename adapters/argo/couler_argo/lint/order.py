"""References between the tasks of a DAG: whether what they refer to has ended by then.

Argo refuses such a reference only where it is a status or the beginning of an argument; elsewhere it lets it through,
and what runs gets the text as it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from couler_argo.lint.arguments import as_text
from couler_argo.lint.calls import Callee
from couler_argo.lint.needs import Tasks, not_before
from couler_argo.lint.run import Scope
from couler_plugins.documents import Path

Mapping = dict[str, Any]


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

    def takes_arguments(self, arguments: Mapping, path: Path, number: int) -> None:
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
