"""Cases of the cache: a task, and a change after which its result is still right, or is not."""

from __future__ import annotations

import dataclasses
import textwrap
import zlib
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

__all__ = [
    "CODE",
    "CONTEXT",
    "FRESH",
    "HIT",
    "LIMITS",
    "NEVER",
    "OBSERVED",
    "ORDER",
    "SAFE",
    "VALUES",
    "VOUCHED",
    "WORDS",
    "Case",
    "Expectation",
    "Run",
    "files_of",
    "tasks",
    "work",
]

HEAD = "from airflow.sdk import DAG, task\nfrom couler_airflow.marks import cached, never\n"
OUTSIDE = ("path/", "plugins/", "etc/")
"""Folders beside that of the DAGs: modules on the path, plugins, and all else."""


class Expectation(Enum):
    """What is expected of the run after the change."""

    HIT = "hit"
    """Nothing has changed that matters: a hit."""

    FRESH = "fresh"
    """The result is another one now: no hit with the old one."""

    NEVER = "never"
    """The result would differ some day: no hit, though the value is the same within this test."""

    SAFE = "safe"
    """No more than always: the task ends as it would without the cache, and in time."""

    VOUCHED = "vouched"
    """A hit, with what was computed before: the owner of the task says that what has changed is no matter."""


HIT, FRESH, NEVER, SAFE, VOUCHED = tuple(Expectation)

CONTEXT, VALUES, CODE = "context", "values", "code"
LIMITS = "limits"
OBSERVED, WORDS, ORDER = "observed", "words", "order"
"""Which layer of the design gives it: what is handed in (context, values, code, limits), what a task reads by itself
(observed, or found by the word where nothing can be observed), and lineage by order."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a run is started.

    Attributes:
        env: environment variables; None takes one away.
        date: the logical date.
        conf: the configuration of the run.
        before: shell commands in the folder of the case, before the run.
        folder: the working directory, from the folder of the case.
        path: folders at the head of `sys.path`, from the folder of the case.
    """

    env: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    date: str | None = None
    conf: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    before: Sequence[str] = ()
    folder: str = "."
    path: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case: it is run with the cache, changed, run with the cache, and run without it, which gives the truth.

    Attributes:
        name: of the case.
        files: its files; `@BASE@` in a text is the folder of the case.
        expect: what is expected of the second run.
        layer: the layer of the design that should give it.
        edits: replacements in files, which the change makes.
        writes: files that the change writes anew.
        first: how the first run is started.
        second: how the other two are; None for the same as the first, without its commands.
        tasks: the tasks that are meant by HIT and NEVER; all that the cache has touched where none is named.
        needs: modules without which the case is skipped.
        worst: whether the default suite always has it.
        file: the DAG file.
        seconds: how long a run may take of the processor's time; asleep it may take three times as long.
    """

    name: str
    files: Mapping[str, str]
    expect: Expectation = FRESH
    layer: str = CODE
    edits: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    writes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    first: Run = dataclasses.field(default_factory=Run)
    second: Run | None = None
    tasks: Sequence[str] = ()
    needs: Sequence[str] = ()
    worst: bool = False
    file: str = "d.py"
    seconds: float = 60

    def __post_init__(self) -> None:
        """Check that every edit finds its text once or more."""
        for name, (old, _) in self.edits.items():
            if old not in self.files[name]:
                raise ValueError(f"{self.name}: {old!r} is not in {name}")

    @property
    def share(self) -> str:
        """When it runs: `quick` in continuous integration, `long` by hand."""
        number = zlib.crc32(self.name.encode()) % 9
        return "quick" if self.worst or (self.layer != LIMITS and number == 0) else "long"

    @property
    def changed(self) -> dict[str, str]:
        """The files that the change writes."""
        edited = {name: self.files[name].replace(old, new) for name, (old, new) in self.edits.items()}
        return {**edited, **self.writes}

    @property
    def start(self) -> Run:
        """How the second run is started."""
        return dataclasses.replace(self.first, before=()) if self.second is None else self.second


def files_of(files: Mapping[str, str], base: str, file: str) -> dict[str, str]:
    """Return the texts to write, by their paths in the folder of the case."""
    texts = {}
    for name, text in files.items():
        path = name if name.startswith(OUTSIDE) else f"dags/{name}"
        texts[path] = ((HEAD if name == file else "") + text).replace("@BASE@", base)
    return texts


def tasks(name: str, text: str, *, files: Mapping[str, str] | None = None, **case: Any) -> Case:
    """Return a case with a DAG file of its own; its text may be indented, and `edit` is an edit of it."""
    edits = dict(case.pop("edits", {}))
    if "edit" in case:
        edits["d.py"] = case.pop("edit")
    own = {other: textwrap.dedent(content).lstrip("\n") for other, content in (files or {}).items()}
    return Case(name=name, files={"d.py": textwrap.dedent(text), **own}, edits=edits, **case)


def work(
    name: str, body: str, top: str = "", *, arguments: str = "", call: str = "", mark: str = "", **case: Any
) -> Case:
    """Return a case of one task in a DAG that is declared pure.

    Args:
        name: of the case.
        body: the body of the task.
        top: what stands before the DAG.
        arguments: the parameters of the task.
        call: what it is called with.
        mark: a decorator below `@task`.
        **case: the fields of `Case`; `edit` is an edit of the DAG file.
    """
    lines = [
        textwrap.dedent(top).strip("\n"),
        'with DAG("d", schedule=None, tags=["couler-cache"]):',
        "    @task",
        *([f"    {mark}"] if mark else []),
        f"    def work({arguments}):",
        textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8),
        f"    work({call})",
    ]
    return tasks(name, "\n".join(lines) + "\n", **case)
