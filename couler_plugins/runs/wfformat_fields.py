"""The fields of WfFormat 1.4 to 1.6 that are read; a trace may leave out most of them, and others are ignored."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Command", "Execution", "File", "Specification", "Task", "Took", "Trace", "Workflow"]


class Command(msgspec.Struct, rename="camel"):
    program: str | None = None
    arguments: list[Any] = []


class File(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    link: str = ""
    size_in_bytes: int | float | None = None


class Took(msgspec.Struct, rename="camel"):
    """What a task took."""

    id: str = ""
    name: str = ""
    runtime_in_seconds: int | float | None = None
    memory_in_bytes: int | float | None = None
    command: Command | None = None


class Task(Took, rename="camel"):
    """A task in the graph, and in 1.4 what it took as well."""

    parents: list[str] = []
    children: list[str] = []
    input_files: list[str] = []
    output_files: list[str] | None = None
    files: list[File] | None = None


class Specification(msgspec.Struct, rename="camel"):
    tasks: list[Task]
    files: list[File] = []


class Execution(msgspec.Struct, rename="camel"):
    tasks: list[Took] = []
    makespan_in_seconds: int | float | None = None
    executed_at: str | None = None


class Workflow(msgspec.Struct, rename="camel"):
    specification: Specification | None = None
    execution: Execution | None = None
    tasks: list[Task] | None = None
    makespan_in_seconds: int | float | None = None
    executed_at: str | None = None


class Trace(msgspec.Struct, rename="camel"):
    workflow: Workflow
    name: str = ""
    schema_version: Any = None
