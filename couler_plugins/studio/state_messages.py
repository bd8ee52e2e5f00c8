"""Messages of the studio about what there is: files, engines, optimizers and ready-made steps."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One message, or a part of one."""


class Problem(Message, kw_only=True):
    """Why something was refused.

    Attributes:
        message: what is wrong.
        hint: what to do; often empty.
        file, line: where; 0 for no line.
        action: the number of the action that was refused, from 0; None where it is about none.
    """

    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    action: int | None = None


# What there is.


class WorkflowName(Message, kw_only=True):
    """One workflow of a file: its number there, what it is called, its kind and how many steps it has."""

    number: int
    name: str
    kind: str
    steps: int


class FileEntry(Message, kw_only=True):
    """A file that was opened.

    Attributes:
        path: relative to the opened folder, with `/`; what requests name.
        engine: the engine's name; empty where there is no workflow in it.
        editable: whether it can be edited; `reason` says why not.
        workflows: its workflows.
        problem: why it cannot be read; None where it can.
    """

    path: str
    engine: str
    editable: bool
    reason: str = ""
    workflows: list[WorkflowName] = []
    problem: Problem | None = None


class Option(Message, kw_only=True):
    """An option of an optimizer, or an input of a catalogue step: how a form asks for it.

    Attributes:
        name: kebab-case.
        description: what it is for.
        type: `text`, `int`, `float`, `bool`, `list` or `artifact`.
        default: as text; None where it has to be given.
        choices: the only values there are; empty where any is one.
    """

    name: str
    description: str = ""
    type: str = "text"
    default: str | None = None
    choices: list[str] = []


class OptimizerEntry(Message, kw_only=True):
    """An optimizer that a pipeline can have.

    Attributes:
        owner: the plugin that brings it.
        before: the optimizers that have to stand behind it in a pipeline.
    """

    name: str
    description: str
    owner: str
    before: list[str] = []
    options: list[Option] = []


class CatalogueEntry(Message, kw_only=True):
    """A ready-made step; `group` is where a list of them shows it."""

    name: str
    description: str
    group: str
    tags: list[str] = []
    inputs: list[Option] = []
    outputs: list[Option] = []


class EngineEntry(Message, kw_only=True):
    """An engine: whether couler can submit to it (`runs`), and whether its workflows run in this process (`local`)."""

    name: str
    runs: bool
    local: bool


class State(Message, kw_only=True):
    """What the studio was started with.

    Attributes:
        version: of couler-plugins.
        folder: the name of the opened folder, for the title.
        read_only: whether nothing can be saved or submitted.
        pipeline: the pipeline that the settings say.
        generates: whether a model is set, so that `generate` works.
        history: whether past runs are known.
    """

    version: str
    folder: str
    read_only: bool
    pipeline: str
    generates: bool
    history: bool
    files: list[FileEntry]
    engines: list[EngineEntry]
    optimizers: list[OptimizerEntry]
    catalogue: list[CatalogueEntry]
