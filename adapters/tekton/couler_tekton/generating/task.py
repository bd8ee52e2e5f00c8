"""A task of the pipeline that is to be, and what became of a call that tasks are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from couler_plugins.engine_kit.legalize.conditions import Membership
from couler_plugins.ir import Operation, Step, Value

__all__ = ["Called", "Task"]


@dataclass
class Task:
    """A task of the pipeline that is to be.

    Attributes:
        name: its name.
        step: the call that it is made from.
        operation: what it runs.
        arguments: what it is given, by name; items are still references.
        after: the tasks that it waits for.
        conditions: what has to hold.
        may_skip: whether its own conditions may keep it from running.
        may_miss: whether something before it may keep it from running, although nothing failed.
        is_printed: whether somebody reads what it prints.
    """

    name: str
    step: Step
    operation: Operation
    arguments: dict[str, Value]
    after: list[str]
    conditions: tuple[Membership, ...] = ()
    may_skip: bool = False
    may_miss: bool = False
    is_printed: bool = False


@dataclass
class Called:
    """What became of a call: its tasks, and those that nothing in it waits for."""

    step: Step
    output: Mapping[str, Value] | Task
    tasks: list[Task] = field(default_factory=list)
    last: list[Task] = field(default_factory=list)
