"""The tasks of `benchmarks.nl`: a description, a workflow that is right for it, and what has to hold of any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from couler_plugins.nl.form import ITEM, Form, FormStep, Taken
from couler_plugins.nl.references import read_reference
from couler_plugins.nl.scope import Scope
from couler_plugins.nl.types import text_of

__all__ = ["TASKS", "Properties", "Task", "failed", "tasks"]

TASKS = Path(__file__).parent / "nl_tasks"
"""The folder whose README says what a task is."""


class Properties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to hold of a workflow, by the names of what its steps use."""

    before: tuple[tuple[str, str], ...] = ()
    values: dict[str, Any] = {}
    conditional: tuple[str, ...] = ()
    retries: dict[str, int] = {}
    items: dict[str, int] = {}


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task."""

    name: str
    description: str
    tags: tuple[str, ...]
    oracle: Form
    properties: Properties = Properties()


def tasks(folder: Path = TASKS) -> list[Task]:
    """The tasks of a folder, by name."""
    return [_read(path) for path in sorted(folder.glob("*.yaml"))]


def failed(task: Task, form: Form) -> list[str]:
    """The properties of a task that a form lacks."""
    wanted, found = task.properties, _Facts(form)
    lacks = [f"{one} before {other}" for one, other in wanted.before if not found.is_before(one, other)]
    lacks += [f"{name}={value}" for name, value in wanted.values.items() if not found.is_given(name, value)]
    lacks += [f"{use} on a condition" for use in wanted.conditional if not found.is_conditional(use)]
    lacks += [f"{use} retried {often}" for use, often in wanted.retries.items() if not found.is_retried(use, often)]
    lacks += [f"{use} over {count}" for use, count in wanted.items.items() if not found.has_items(use, count)]
    return lacks


def _read(path: Path) -> Task:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
        return msgspec.convert({"name": path.stem, **data}, Task)
    except (yaml.YAMLError, msgspec.ValidationError, TypeError) as error:
        raise SystemExit(f"{path.name} is no task: {error}") from error


class _Facts:
    """What a form says, to be asked about."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._scope = Scope(form, {})
        self._ancestors = self._scope.ancestors

    def is_before(self, one: str, other: str) -> bool:
        uses = {step.name: step.use for step in self._form.steps}
        return any(
            uses[before] == one for step in self._of(other) for before in self._ancestors.get(step.name, frozenset())
        )

    def is_given(self, name: str, value: Any) -> bool:
        use, _, port = name.rpartition(".")
        given = (taken for step in self._of(use) for taken in step.inputs if taken.name == port)
        return any(self._value(taken) == text_of(value) for taken in given)

    def is_conditional(self, use: str) -> bool:
        steps = self._of(use)
        return bool(steps) and all(self._scope.conditions.get(step.name) for step in steps)

    def is_retried(self, use: str, often: int) -> bool:
        steps = self._of(use)
        return bool(steps) and all(step.retries == often for step in steps)

    def has_items(self, use: str, count: int) -> bool:
        return any(isinstance(step.over, tuple) and len(step.over) == count for step in self._of(use))

    def _of(self, use: str) -> list[FormStep]:
        return [step for step in self._form.steps if step.use == use]

    def _value(self, taken: Taken) -> str | None:
        if taken.value is not None:
            return text_of(taken.value)
        reference = read_reference(taken.source) if isinstance(taken.source, str) and taken.source != ITEM else None
        if reference is None or not reference.is_input:
            return None
        given = self._scope.inputs.get(reference.name)
        return None if given is None or given.value is None else text_of(given.value)
