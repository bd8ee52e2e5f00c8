"""What objects held before they were changed, so that a change that fails half-way leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

INIT_KWARGS = "_BaseOperator__init_kwargs"
"""Where an operator keeps the arguments that it was made with, which Airflow updates with its attributes."""


class Journal:
    """Remembers mappings, sets and attributes; each as it was when it was first told of."""

    def __init__(self) -> None:
        self._known: set[tuple[int, str]] = set()
        self._undo: list[Callable[[], None]] = []
        self._kept: list[object] = []  # an id is only unique among objects that are alive

    def mapping(self, mapping: dict[Any, Any]) -> None:
        """Remembers what a mapping holds."""
        if self._first(mapping):
            before = dict(mapping)
            self._undo.append(partial(_restore, mapping, before))

    def members(self, members: set[Any]) -> None:
        """Remembers what a set holds."""
        if self._first(members):
            before = set(members)
            self._undo.append(partial(_restore, members, before))

    def attribute(self, item: object, name: str) -> None:
        """Remembers one attribute, where the object keeps it in a slot."""
        if self._first(item, name):
            before = getattr(item, name)
            self._undo.append(partial(object.__setattr__, item, name, before))

    def task(self, task: Any) -> None:
        """Remembers everything of an operator that lowering may change."""
        self.mapping(task.__dict__)
        self.members(task.upstream_task_ids)
        self.members(task.downstream_task_ids)
        if task.is_mapped:
            self.mapping(task.partial_kwargs)
            self.attribute(task, "operator_class")
        else:
            self.mapping(task.__dict__[INIT_KWARGS])

    def dag(self, dag: Any) -> None:
        """Remembers the fields of a DAG, and the labels of its edges."""
        self.mapping(dag.__dict__)
        self.mapping(dag.edge_info)
        for labels in dag.edge_info.values():
            self.mapping(labels)

    def undo(self) -> None:
        """Puts everything back, last things first."""
        while self._undo:
            self._undo.pop()()
        self._known.clear()
        self._kept.clear()

    def _first(self, item: object, name: str = "") -> bool:
        key = (id(item), name)
        if key in self._known:
            return False
        self._known.add(key)
        self._kept.append(item)
        return True


def _restore(held: Any, before: Any) -> None:
    held.clear()
    held.update(before)
