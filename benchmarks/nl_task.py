"""The tasks of `benchmarks.nl`: a description, a workflow that is right for it, and what has to hold of any."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from benchmarks.nl_properties import Properties, lacking
from couler_plugins.generation.form import Form

__all__ = ["ENGINES", "TASKS", "Properties", "Task", "failed", "tasks"]

TASKS = Path(__file__).parent / "nl_tasks"
"""The folder whose README says what a task is."""

ENGINES = {"airflow": "airflow", "argo": "argo", "kfp": "kfp", "tekton": "tekton"}
"""How each engine is asked: a DAG has no outputs, and leaves them out."""


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task.

    Attributes:
        name: of the file, and of the workflow.
        description: what a user would say.
        tags: what is in it, how hard it is, and what it is about.
        oracle: a workflow that is right for it.
        properties: what has to hold of any workflow that is.
        engines: those that can run the oracle.
    """

    name: str
    description: str
    tags: tuple[str, ...]
    oracle: Form
    properties: Properties = Properties()
    engines: tuple[str, ...] = tuple(ENGINES)


def tasks(folder: Path = TASKS) -> list[Task]:
    """The tasks of a folder, by name.

    Raises:
        ValueError: a file is no task.
    """
    return [_read(path) for path in sorted(folder.glob("*.yaml"))]


def failed(task: Task, form: Form) -> list[str]:
    """The properties of a task that a form lacks."""
    return list(lacking(task.properties, form))


def _read(path: Path) -> Task:
    try:
        data = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        return msgspec.convert({"name": path.stem, **data}, Task)
    except (yaml.YAMLError, msgspec.ValidationError, TypeError) as error:
        raise ValueError(f"{path.name} is no task: {error}") from error
