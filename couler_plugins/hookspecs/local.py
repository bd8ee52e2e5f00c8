"""Contract of `couler run --local`: how the steps of an engine's workflow run in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from couler_plugins.ir import Graph, Loop, Operation, Output, Port, PortKind, Reference, Retry, Value

__all__ = [
    "Contained",
    "Ended",
    "File",
    "Folder",
    "Local",
    "Look",
    "NotThere",
    "Outcome",
    "Place",
    "Program",
    "Refusal",
]

Outcome = Literal["succeeded", "failed", "errored", "skipped", "omitted"]
"""How a step ended, in the words of `couler_plugins.ir.Need`."""


class NotThere(Exception):
    """Something that a value refers to is not there, or a value makes no sense; its message says what."""


class Refusal(msgspec.Struct, frozen=True):
    """Something that cannot run here as its engine would run it.

    Attributes:
        subject: the graph, the operation, or the step (`graph/step`); empty for the workflow.
        reason: why not, in half a sentence.
    """

    subject: str
    reason: str


class File(msgspec.Struct, frozen=True):
    """An artifact.

    Attributes:
        path: where it is kept.
        content: what is in it, as one text (`sha256:…` of a file, `tree:…` of a folder).
    """

    path: str
    content: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What a step has left behind.

    Attributes:
        outcome: how it ended.
        message: why, where that was not well.
        parameters: its output parameters, by name.
        artifacts: its output artifacts, by name.
        result: what it printed; None where it prints nothing.
        code: the exit code of its last attempt; None where there was none.
        seconds: how long that attempt took.
        every: the steps for the items of its loop, in their order; None where it does not loop.
    """

    outcome: Outcome
    message: str = ""
    parameters: Mapping[str, str] = {}
    artifacts: Mapping[str, File] = {}
    result: str | None = None
    code: int | None = None
    seconds: float = 0.0
    every: tuple[Ended, ...] | None = None

    @property
    def bad(self) -> bool:
        """Whether it failed."""
        return self.outcome in ("failed", "errored")


Look = Callable[["Reference"], Any]
"""Gives what a reference stands for: the text of a parameter, a File, an item as JSON-like data; raises NotThere."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a program leaves an output.

    Attributes:
        name, kind: of the output.
        path: the absolute path in the program's own world.
        default: the value of a parameter whose file is missing; None where it has to be there.
        optional: whether an artifact may be missing.
    """

    name: str
    kind: PortKind
    path: str
    default: str | None = None
    optional: bool = False


class Folder(msgspec.Struct, frozen=True):
    """A folder that a container sees beside those of its image.

    Attributes:
        name: two with the same name are one folder.
        path: where the container sees it.
        shared: whether it is one for all steps of the run; else it is empty at the start of each attempt.
        read_only: whether the container may only read it here.
    """

    name: str
    path: str
    shared: bool = False
    read_only: bool = False


class Contained(msgspec.Struct, frozen=True, kw_only=True):
    """The container that a program runs in.

    Attributes:
        image: its image.
        args: what follows the command of the program, or the entry point of the image where there is none.
        script: where the container finds the source, which is its last argument; empty where there is no source.
        workdir, user: where and as whom it starts; empty where its image says so.
        folders: what it sees beside its image.
        cpus, memory: how many cores and bytes it may take; None for no limit.
    """

    image: str
    args: tuple[str, ...] = ()
    script: str = ""
    workdir: str = ""
    user: str = ""
    folders: tuple[Folder, ...] = ()
    cpus: float | None = None
    memory: float | None = None


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation runs, everything filled in.

    Attributes:
        command: the interpreter and its options; the file with the source follows.
        source: the text of the program.
        container: the container that it runs in; None where it is a process of this machine.
        env: environment variables.
        inputs: where it finds its input artifacts: absolute paths in its own world, by name.
        outputs: where it leaves its outputs.
        seconds: how long an attempt may take; None for no limit.
        most_printed: how many bytes of what it prints are its result, from the end.
    """

    command: tuple[str, ...]
    source: str
    container: Contained | None = None
    env: tuple[tuple[str, str], ...] = ()
    inputs: Mapping[str, str] = {}
    outputs: tuple[Place, ...] = ()
    seconds: float | None = None
    most_printed: int = 1 << 20


class Local(Protocol):
    """An adapter's facet for one workflow. It runs nothing: it says what there is to run, and what values mean."""

    @property
    def parallelism(self) -> int | None:
        """How many programs of the workflow may run at a time; None where its owner sets no limit."""

    def in_containers(self) -> Local | None:
        """The same where each program runs in a container of its image; None where nobody here knows how."""

    def refusals(self) -> Sequence[Refusal]:
        """What of the workflow cannot run here, as far as only the engine's adapter can tell."""

    def text(self, value: Value, look: Look) -> str:
        """A value as the text that a parameter has.

        Raises:
            NotThere: it refers to something that is not there, or cannot be evaluated.
        """

    def artifact(self, value: Value, look: Look) -> File | bytes | None:
        """An artifact that a value stands for, or its bytes where they stand in the workflow; None where it is missing.

        Raises:
            NotThere: it cannot be had here.
        """

    def holds(self, condition: Value, look: Look) -> bool:
        """Whether a condition holds.

        Raises:
            NotThere: it cannot be evaluated.
        """

    def items(self, loop: Loop, look: Look) -> Sequence[Any]:
        """The items of a loop, as JSON-like data.

        Raises:
            NotThere: they cannot be made out.
        """

    def gathered(self, reference: Reference, every: Sequence[Ended]) -> str:
        """What a reference to an output of a step that loops stands for.

        Raises:
            NotThere: it stands for nothing.
        """

    def fact(self, reference: Reference, ended: Ended | None, run: Mapping[str, str]) -> str:
        """A fact of a step that has ended, or of the run where there is none.

        Args:
            reference: what is referred to.
            ended: the step.
            run: `id` and `name` of the run, and its `outcome` once the entry has ended.

        Raises:
            NotThere: there is no such fact here.
        """

    def outcome(self, graph: Graph, ended: Mapping[str, Ended]) -> Outcome:
        """How a graph ended, by how its steps did; those that never started are missing."""

    def path(self, port: Port | Output, look: Look) -> str:
        """Where an operation finds an input, or leaves an output: an absolute path in its own world.

        Raises:
            NotThere: it has none.
        """

    def program(self, operation: Operation, look: Look) -> Program:
        """What an operation runs.

        Raises:
            NotThere: something that it reads is not there.
        """

    def pause(self, retry: Retry, ended: Sequence[Ended], look: Look) -> float | None:
        """How many seconds to wait before another attempt; None where there is none.

        Args:
            retry: what the owner says of attempts.
            ended: the attempts so far, of which the last one has failed.
            look: gives what the condition of the retry refers to beside attempts.

        Raises:
            NotThere: that condition cannot be evaluated.
        """
