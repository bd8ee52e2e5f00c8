"""Contract of `couler run`: how documents are submitted to their engine and followed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from couler_plugins.options.rows import Row

__all__ = [
    "Failure",
    "Job",
    "Phase",
    "Produced",
    "Request",
    "Runner",
    "Status",
    "StepLog",
    "StepPhase",
    "StepStatus",
    "Submitted",
    "Where",
]

Phase = Literal["pending", "running", "succeeded", "failed"]
"""Where a job stands. What was put in place and does not run by itself has succeeded at once."""
StepPhase = Literal["pending", "running", "succeeded", "failed", "skipped", "cached"]
"""Where a step stands."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine is meant.

    Attributes:
        context: the context of the kubeconfig; empty for its current one, or the cluster that we run in.
        namespace: where documents go that do not say it; empty for the context's own.
        folder: for a run in this very process, where it keeps what it makes; empty for an engine elsewhere.
    """

    context: str = ""
    namespace: str = ""
    folder: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for beside the documents.

    Attributes:
        run: the identity of the run. Everything is submitted under names that follow from it, so that whoever submits
            the same documents for the same run again finds what is there.
        parameters: values for parameters of the workflows, by name.
        dry_run: whether the engine only checks what it is given, and keeps nothing.
        force: whether documents that somebody else has changed meanwhile are overwritten.
        rows: what the settings say of caching steps, for runners that cache by themselves.
    """

    run: str
    parameters: Mapping[str, str] = {}
    dry_run: bool = False
    force: bool = False
    rows: Sequence[Row] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to submit.

    Attributes:
        name: what to call it, unique among the jobs of a run.
        place: where the engine keeps it; follows from the run's identity, so that it is the same when asked again.
        needs: names of the jobs that have to have succeeded before it is submitted.
        runs: whether it runs; else it is only put in place.
        always: whether it is submitted once all that it needs has ended, or never will start, however that went.
        content: the document.
    """

    name: str
    place: str
    needs: tuple[str, ...] = ()
    runs: bool = False
    always: bool = False
    content: Mapping[str, Any] = {}


class Submitted(msgspec.Struct, frozen=True):
    """What submitting a job did.

    Attributes:
        outcome: `adopted` where this very job was there already, `unchanged` where the same document was; `gathered`
            where the job is nothing in the engine, but stands for all that it needs.
        before: what was there before, in a few words; empty for nothing.
    """

    outcome: Literal["created", "changed", "unchanged", "adopted", "gathered"]
    before: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is.

    Attributes:
        phase: where it stands.
        message: what the engine says of that; often empty.
        done: how many of its steps have ended, as far as the engine has made them.
        steps: how many steps the engine has made so far.
        running: names of those that run.
        failed: names of those that failed.
        waiting: names of those that wait for a person.
    """

    phase: Phase
    message: str = ""
    done: int = 0
    steps: int = 0
    running: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


class Produced(msgspec.Struct, frozen=True, kw_only=True):
    """One output of a job that has succeeded.

    Attributes:
        name: what the job calls it.
        kind: `parameter`, whose value is a text, or `artifact`, whose value is where it is stored.
        value: the value.
    """

    name: str
    kind: Literal["parameter", "artifact"]
    value: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One step that failed, with nothing secret in it (`couler_plugins.net.redacting`).

    Attributes:
        step: its name.
        message: what the engine says of it; often empty.
        log: the last lines that it printed, as far as they were asked for.
        note: why these could not be read; empty where they were, or where there are none.
    """

    step: str
    message: str = ""
    log: tuple[str, ...] = ()
    note: str = ""


class StepStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one step of a job stands, with nothing secret in it.

    Attributes:
        step: the engine's names of the steps from the entry down, joined by `/`; unique in a job, also where a step
            runs for several items.
        node: the workflow's names of the same steps, joined by `/`; `!NAME` is the handler of that name, or `!0` the
            first one without a name. Empty where the engine does not say it.
        phase: where it stands.
        message: what the engine says of that; often empty.
        has_log: whether `log` can give what it printed.
    """

    step: str
    node: str = ""
    phase: StepPhase
    message: str = ""
    has_log: bool = False


class StepLog(msgspec.Struct, frozen=True, kw_only=True):
    """The last lines that a step printed, with nothing secret in them.

    Attributes:
        lines: the lines.
        note: why these could not be read; empty where they were.
    """

    lines: tuple[str, ...] = ()
    note: str = ""


class Runner(Protocol):
    """An adapter's facet for one engine. Nothing is connected to before the first method that needs it is called.

    Every method can be interrupted at any point, by the death of the process as well, and be called again. A runner may
    have further methods. `failures(place)` gives the `Failure` of each step of a job that failed. `steps(place)` gives
    the `StepStatus` of each step that the engine tells of. `log(place, step, lines)` gives the `StepLog` of one of
    these, and raises `InvalidInput` where there is no such step.
    """

    def jobs(self, documents: Sequence[Any], request: Request) -> Sequence[Job]:
        """What is to be submitted, in an order in which it may be: whatever a job needs comes before it.

        Raises:
            InvalidInput: a document or a parameter makes no sense, or no such engine is known.
            Unsupported: there is a document that cannot be submitted.
        """

    def submit(self, job: Job, request: Request) -> Submitted:
        """Submits a job, or finds that it was submitted before, for as long as the engine still has it.

        Raises:
            InvalidInput: something else is in its place.
            EngineError: the engine failed, or refused it.
        """

    def status(self, place: str) -> Status:
        """How far the job at that place is.

        Raises:
            EngineError: the engine failed, or has no such job (any more).
        """

    def outputs(self, place: str) -> Sequence[Produced]:
        """What the job at that place has handed out.

        Raises:
            EngineError: the engine failed, or has no such job (any more).
        """

    def stop(self, place: str, *, terminate: bool = False) -> Sequence[str]:
        """Stops a job, and whatever it has started that runs on its own.

        Args:
            place: where the job is.
            terminate: whether handlers that clean up are left out as well.

        Returns:
            The places of all that was told to stop by this call; empty where it was not running any more.

        Raises:
            EngineError: the engine failed, or has no such job (any more).
        """
