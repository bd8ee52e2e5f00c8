"""Python values of operators as IR values: literals, texts and structures, with the results of other tasks in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping
from datetime import date, timedelta
from pathlib import PurePath
from typing import Any

from couler_airflow.errors import unsupported
from couler_airflow.pulls import pieces
from couler_plugins.engine_kit.legalize.values import joined
from couler_plugins.ir import Expression, Literal, Native, Reference, Template, Value

Piece = str | Reference | Expression


class Values:
    """Lifts values of one DAG. Nothing of them is kept but what can be said in JSON: the objects stay where they are.

    Args:
        tasks: the ids of its tasks, as far as texts that pull from them refer to them.
        dag_id: its own id.
    """

    def __init__(self, tasks: Container[str], dag_id: str) -> None:
        self._tasks = tasks
        self._dag_id = dag_id

    def value(self, data: Any) -> Value:
        """A scalar as a literal, a text with pulls as a template, the result of a task as a reference."""
        if isinstance(data, str):
            parts = pieces(data, self._tasks, self._dag_id)
            if all(isinstance(part, str) for part in parts):
                return Literal(value=data)
            return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else Template(parts=tuple(parts))
        if data is None or isinstance(data, (bool, int, float)):
            return Literal(value=data)
        reference = _reference(data)
        return reference if reference is not None else self.native(data)

    def native(self, data: Any) -> Native:
        """A structure as JSON text, cut at the references in it."""
        return Native(parts=joined(self._json(data)))

    def _json(self, data: Any) -> Iterator[Piece]:
        if isinstance(data, str):
            yield from self._quoted(data)
        elif (reference := _reference(data)) is not None:
            yield reference
        elif isinstance(data, Mapping):
            yield from _joined("{", "}", [(json.dumps(str(key)) + ":", item) for key, item in data.items()], self._json)
        elif isinstance(data, (list, tuple)):
            yield from _joined("[", "]", [("", item) for item in data], self._json)
        elif isinstance(data, (set, frozenset)):
            texts = sorted(("".join(str(part) for part in self._json(item)), item) for item in data)
            yield from _joined("[", "]", [("", item) for _, item in texts], self._json)
        else:
            yield from self._object(data)

    def _quoted(self, text: str) -> Iterator[Piece]:
        yield '"'
        for part in pieces(text, self._tasks, self._dag_id):
            yield json.dumps(part)[1:-1] if isinstance(part, str) else part
        yield '"'

    def _object(self, data: Any) -> Iterator[Piece]:
        if data is None or isinstance(data, (bool, int, float)):
            yield json.dumps(data)
        elif isinstance(data, (date, timedelta, PurePath)):
            yield json.dumps(str(data))
        elif hasattr(data, "iter_references"):  # map, zip and concat of results
            kind = type(data).__name__.removesuffix("XComArg").lower()
            read = [_output(operator.task_id, key) for operator, key in data.iter_references()]
            yield from self._json({kind: read})
        elif callable(data) and hasattr(data, "__qualname__"):
            yield json.dumps({"callable": data.__qualname__})
        else:
            yield json.dumps({"object": type(data).__qualname__})


def _joined(
    opening: str, closing: str, items: list[tuple[str, Any]], written: Callable[[Any], Iterator[Piece]]
) -> Iterator[Piece]:
    yield opening
    for number, (key, item) in enumerate(items):
        yield ("," if number else "") + key
        yield from written(item)
    yield closing


def _reference(data: Any) -> Reference | None:
    """What a single placeholder stands for: the result of a task, or the item of a mapped task group."""
    match type(data).__name__:
        case "Reference":
            return data  # type: ignore[no-any-return]  # its class is known by now
        case "PlainXComArg":
            return _output(data.operator.task_id, data.key)
        case "MappedArgument":
            return Reference(to="item", name=data._key)
    return None


def _output(task: str, key: str) -> Reference:
    return Reference(to="output", kind="result", step=task, name=key)


def module_name(module: str) -> str:
    """A module's name as its author knows it: Airflow puts a hash of the file's path before those of DAG files."""
    return module.split("_", 3)[3] if module.startswith("unusual_prefix_") else module


def seconds(duration: timedelta) -> int | float:
    """A duration in seconds, whole where it is."""
    total = duration.total_seconds()
    return int(total) if total.is_integer() else total


def count_of(value: Value | None, feature: str, subject: str) -> int:
    """A number of something.

    Raises:
        Unsupported: it is none, or not known beforehand.
    """
    if isinstance(value, Literal) and type(value.value) is int and value.value > 0:
        return value.value
    raise unsupported(feature, subject, "Airflow counts from one, in whole numbers that are known beforehand")


def duration_of(value: Value | None, feature: str, subject: str) -> timedelta | None:
    """A time, from seconds; None for None.

    Raises:
        Unsupported: it is none that Airflow keeps as it is.
    """
    if value is None:
        return None
    if isinstance(value, Literal) and isinstance(value.value, (int, float)) and value.value > 0:
        duration = timedelta(seconds=value.value)
        if Literal(value=seconds(duration)) == value:
            return duration
    raise unsupported(feature, subject, "a number of seconds is wanted, to the microsecond, and whole where it can be")
