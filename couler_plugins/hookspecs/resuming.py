"""Contract of `couler resume`: what an engine tells of a run, so that another run goes on where it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource
from couler_plugins.ir import Graph, Literal, Node, Operation, Reference, Step, Value, Workflow

__all__ = ["RESUMES", "Ended", "PastRun", "RunSource"]

N = TypeVar("N", bound=Node)
T = TypeVar("T")
RESUMES = "couler.io/resumes"
"""The annotation of a run that names the one whose work it takes over."""
Place = tuple[str, ...]
"""The names of steps from the entry's graph down to one."""


class RunSource(msgspec.Struct, frozen=True, kw_only=True):
    """Which run is resumed, and who tells of it.

    Attributes:
        run: its name or its uid; empty for the only one among the documents.
        documents: what was read from files; empty where the engine is asked.
        edited: what was read from FILE, as an engine may not tell what ran.
        archive: where the engine is.
    """

    run: str
    documents: tuple[Any, ...] = ()
    edited: tuple[Any, ...] = ()
    archive: ArchiveSource

    def only(self, runs: Sequence[tuple[T, Sequence[object]]], engine: str, hint: str) -> T:
        """Return the run that is meant among runs with what they are called.

        Raises:
            InvalidInput: none is, or several are.
        """
        meant = [item for item, called in runs if self.run in ("", *called)]
        if len(meant) == 1:
            return meant[0]
        message = f"there are {len(meant)} runs that could be meant" if meant else f"there is no run {self.run!r}"
        names = ", ".join(str(called[0]) for _, called in runs[:5])
        raise InvalidInput(message, engine=engine, hint=f"there are {names}; {hint}" if names else hint)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a step ended.

    Attributes:
        outcome: as in `couler_plugins.ir.Need`, or `running`.
        outputs: what it gave, by kind and name, as readers can be given it.
        facts: what else can be read of it, by the name of the reference.
        lost: why an output cannot be had again, by kind and name.
        again: why it runs again although it is done; empty where it need not.
        handlers: the names of its handlers that ran; None where none had to.
    """

    outcome: str
    outputs: Mapping[tuple[str, str], Value] = {}
    facts: Mapping[str, str] = {}
    lost: Mapping[tuple[str, str], str] = {}
    again: str = ""
    handlers: frozenset[str] | None = None


class PastRun:
    """A run that is to be resumed. An adapter derives from this class.

    Attributes:
        of_run: the variables that say which run it is; they differ in the new one.
        edited: FILE as what runs, where it has only what the run refers to; None where FILE runs by itself.
        was_stopped: whether it may have ended before conditions of handlers were looked at.
        failed_handlers: what failed of the handlers of the whole run, as the engine calls it.
        drops_outputs: whether graphs do without outputs that are constants by now, as the engine has no such outputs.

    Args:
        name: the engine's name of it.
        document: what was submitted.
        steps: how its steps ended, by their places.
        notes: what its owner has to know before a new run.
    """

    of_run: ClassVar[frozenset[str]] = frozenset()
    drops_outputs: ClassVar[bool] = False
    edited: Any = None
    was_stopped: bool = False
    failed_handlers: tuple[str, ...] = ()

    def __init__(self, name: str, document: Any, steps: Mapping[Place, Ended], notes: tuple[str, ...] = ()) -> None:
        self.name = name
        self.document = document
        self.steps = steps
        self.notes = notes

    def read(self, ended: Ended, reference: Reference) -> Value | None:
        """Return what a reference to a step gives; None where that is not there any more, or cannot be written."""
        if reference.to == "output":
            return None if reference.path else ended.outputs.get((reference.kind, reference.name))
        fact = ended.facts.get(reference.name) if reference.to == "status" and not reference.path else None
        return None if fact is None else Literal(value=fact)

    def gone(self, step: Step, callees: Iterable[Graph | Operation]) -> Mapping[str, str]:
        """Return what a step, with all that it calls, shares with others and is gone, by name, with the reason."""
        return {}

    def exported(self, value: Value) -> Value | None:
        """Return an output of a graph that has this value; None where the engine cannot say that."""
        return value

    def plain(self, node: N) -> N:
        """Return a step, a graph or an operation as it compares: an engine may spell what was submitted otherwise."""
        return node

    def settings(self, workflow: Workflow) -> Any:
        """Return what a workflow says of all its steps that their results depend on."""
        return None

    def resumed(self, workflow: Workflow) -> Workflow:
        """Return a workflow as a new run: under a name of its own, with an annotation, on volumes that are there."""
        raise NotImplementedError
