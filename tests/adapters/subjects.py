"""The adapters that the common suite runs over, each with its corpus and with what an independent count says of it.

To add an adapter, write a `Subject` for it and put it into `SUBJECTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.argo import closure, counts
from couler_argo.plugin import ArgoAdapter, Options
from couler_plugins.documents import SourceFile, read
from couler_plugins.hookspecs import Adapter
from couler_plugins.ir import Node, Workflow
from couler_plugins.plan import Lowered, Plan, Written
from support import SHARED

__all__ = ["SUBJECTS", "Subject", "each_file", "lift_file", "lift_source", "lower_and_write", "regenerate"]


@dataclass(frozen=True)
class Subject:
    """One adapter under test.

    Attributes:
        adapter: the adapter.
        options: what it lowers with.
        folder: its corpus, in the shared folder.
        patterns: of the corpus' files.
        counted: how many (templates, steps, references) the raw documents hold, counted without the adapter.
        normal: a document with everything removed that generating may spell differently.
        consistent: a workflow with one field of a node set, and what has to follow that (references to a new name);
            None where the field cannot be set there by itself.
        excused: whether the engine has no way to say this one value at this place.
        closed: a workflow without what the adapter declares to follow from other fields.
    """

    adapter: Adapter
    options: Any
    folder: str
    patterns: tuple[str, ...]
    counted: Callable[[Any], tuple[int, int, int]]
    normal: Callable[[Any], Any]
    consistent: Callable[[Workflow, Node, str, Any], Workflow | None]
    excused: Callable[[Workflow, Node, str, Any], bool]
    closed: Callable[[Workflow], Workflow]

    @property
    def engine(self) -> str:
        return self.adapter.engine

    def files(self) -> list[Path]:
        """The files of the corpus; none where it is missing."""
        root = SHARED / self.folder
        return sorted(path for pattern in self.patterns for path in root.rglob(pattern))


ARGO = Subject(
    ArgoAdapter(),
    Options(),
    "corpus/argo",
    ("*.yaml",),
    counts.counted,
    counts.normal,
    closure.consistent,
    closure.excused,
    closure.closed,
)
SUBJECTS = (ARGO,)


def each_file() -> list[Any]:
    """A parameter for every corpus file of every adapter: (subject, path)."""
    parameters: list[Any] = []
    for subject in SUBJECTS:
        root = SHARED / subject.folder
        files = subject.files()
        parameters += [
            pytest.param(subject, path, id=f"{subject.engine}:{path.relative_to(root).as_posix()}") for path in files
        ]
        if not files:
            skip = pytest.mark.skip(reason=f"needs {subject.folder} in the shared folder")
            parameters.append(pytest.param(subject, root, id=f"{subject.engine}:missing", marks=skip))
    return parameters


@cache
def lift_file(subject: Subject, path: Path) -> Plan:
    """The plan of a corpus file; nothing of it is refused."""
    return lift_source(subject, read(path.read_bytes(), path.name))


def lift_source(subject: Subject, *files: SourceFile) -> Plan:
    """The plan of files of which nothing is refused."""
    refused: list[Exception] = []
    plan = subject.adapter.lift(subject.adapter.load(files), lambda number, error: refused.append(error))
    assert not refused
    return plan


def lower_and_write(subject: Subject, plan: Plan) -> tuple[Lowered, Written]:
    """What a plan is lowered to, and its text."""
    lowered = subject.adapter.lower(plan, subject.options)
    return lowered, subject.adapter.dump(lowered)


def regenerate(subject: Subject, workflows: Sequence[Workflow]) -> Iterator[tuple[Any, Workflow]]:
    """For each workflow (without an origin): the document made from it, and what that is lifted to."""
    bundle = subject.adapter.load(())
    plan = Plan(bundle=bundle, originals=(), workflows=tuple(workflows))
    lowered, written = lower_and_write(subject, plan)
    again = lift_source(subject, read(written.added, "generated"))
    assert len(again.workflows) == len(lowered.added) == len(workflows)
    yield from zip(lowered.added, again.workflows, strict=True)
