"""Descriptions of workflows in plain words, each with the workflow that an engineer would draw of it.

One file a task, `nl_tasks/NAME.yaml`, where NAME is also the name of the workflow. The descriptions say which steps
there are, what they wait for and what they are given, in the words of many kinds of people. What they leave open (names, the
text of a message) is nothing that an oracle is compared by.

A step of a generated workflow stands for a step of the oracle by its *role*, whatever its name:

- What uses an entry of the catalogue stands for what uses the same one. `python` and `container` are one: a description
  seldom says which.
- Where there are several steps of one kind, the words of their names tell them apart, together with the words in
  `also`, by which people might call a step instead; then the constants that they are given; then their neighbours.

Order is what counts, not by what it comes about: an edge that follows from others (`needs` of a step that is waited for
anyhow) is none of its own, so that edges are compared after a transitive reduction.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.nl_properties import Properties
from couler_plugins.nl.form import Form

__all__ = ["ENGINES", "FOLDER", "Task", "read_task", "tasks"]

FOLDER = Path(__file__).parent / "nl_tasks"

ENGINES = ("airflow", "argo", "kfp", "tekton")


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A description and what is expected of it.

    Attributes:
        description: what a colleague would say or write.
        difficulty: `easy`: up to five steps, one of which at most is conditional or fans out, or two short branches;
            `medium`: more than that in one respect; `hard`: several respects at once.
        domain: the field, one word or two.
        oracle: the workflow, in the flat form.
        also: by the name of a step, words that stand for it as well as its name does.
        properties: what has to be true of the workflow, beside its graph; steps are named as in the oracle.
        engines: those that can run it.
    """

    description: str
    difficulty: Literal["easy", "medium", "hard"]
    domain: str
    oracle: Form
    also: dict[str, tuple[str, ...]] = {}
    properties: Properties
    engines: tuple[Literal["airflow", "argo", "kfp", "tekton"], ...] = ENGINES  # type: ignore[assignment]  # texts


def tasks() -> dict[str, Task]:
    """All tasks by name, in the order of their names."""
    return {path.stem: read_task(path) for path in sorted(FOLDER.glob("*.yaml"))}


def read_task(path: Path) -> Task:
    """A task of a file; strictly: a field that there is not, or a wrong type, is an error.

    Raises:
        msgspec.ValidationError: the file is no task.
    """
    return msgspec.yaml.decode(path.read_bytes(), type=Task)
