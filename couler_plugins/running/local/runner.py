"""Runs workflows in this process, for engines whose adapters say what their steps are.

What a run makes is in FOLDER/RUN/WORKFLOW; whoever submits the same for the same run again takes it up from there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs import Adapter
from couler_plugins.hookspecs.running import (
    Job,
    Phase,
    Produced,
    Request,
    Status,
    StepLog,
    StepStatus,
    Submitted,
    Where,
)
from couler_plugins.running.local.caching import Opening
from couler_plugins.running.local.containers import Containers
from couler_plugins.running.local.execution import RECORDS, STOP, Execution
from couler_plugins.running.local.jobs import Work, works_of
from couler_plugins.running.local.records import Record, is_locked

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
PLAIN = re.compile(r"[A-Za-z0-9/._+@,-]+")


class LocalRunner:
    """One folder.

    Args:
        adapter: of the engine that the workflows are for.
        where: the folder.
        parallel: how many programs may run at a time; None for as many as there are processors.
        opening: opens the artifact cache; None where nothing is cached.
        containers: what runs programs in containers of their images; None where they are processes.
    """

    def __init__(
        self,
        adapter: Adapter,
        where: Where,
        *,
        parallel: int | None = None,
        opening: Opening | None = None,
        containers: Containers | None = None,
    ) -> None:
        self._adapter = adapter
        self._folder = Path(where.folder).resolve()
        self._limit = parallel or os.cpu_count() or 1
        self._opening = opening
        self._containers = containers
        self._run = ""
        self._works: dict[str, Work] = {}
        self._executions: dict[str, Execution] = {}

    def jobs(self, documents: Sequence[Any], request: Request) -> list[Job]:
        """The workflows; whatever cannot run here is refused before anything runs."""
        if not NAME.fullmatch(request.run):
            raise InvalidInput(f"{request.run!r:.60} cannot name a run", hint="letters, digits, hyphens and dots")
        if not PLAIN.fullmatch(str(self._folder)):  # scripts name it without quotes, where they named /tmp
            hint = "give another --folder: letters, digits and ._-+@,"
            raise InvalidInput(
                "the folder has a name that scripts would take for more", file=str(self._folder), hint=hint
            )
        self._run = request.run
        works = works_of(self._adapter, documents, request, contained=self._containers is not None)
        self._works = {work.job.place: work for work in works}
        return [work.job for work in self._works.values()]

    def submit(self, job: Job, request: Request) -> Submitted:
        """Starts a workflow, or takes it up where it was left."""
        if request.dry_run:
            return Submitted("created")
        there = (self._folder / job.place / RECORDS).exists()
        self._started(job.place)
        return Submitted("adopted" if there else "created")

    def status(self, place: str) -> Status:
        """How far a workflow is: one that runs here, or what is left of one."""
        return self._started(place).status() if place in self._works else self._left(place)

    def outputs(self, place: str) -> list[Produced]:
        """What a workflow that has ended here has handed out."""
        return self._started(place).outputs()

    def steps(self, place: str) -> list[StepStatus]:
        """Where the steps of a workflow stand that runs in this process, or has; of others, none."""
        execution = self._executions.get(place)
        return [] if execution is None else execution.steps()

    def log(self, place: str, step: str, lines: int) -> StepLog:
        """The last lines that a step of such a workflow has printed."""
        execution = self._executions.get(place)
        return StepLog(note="another process runs it") if execution is None else execution.log(step, lines)

    def stop(self, place: str, *, terminate: bool = False) -> list[str]:
        """Tells the process that runs a workflow to kill what runs of it."""
        if (own := self._executions.get(place)) is not None:
            return [place] if own.stop() else []
        if self._left(place).phase != "running":
            return []
        marker = self._inside(place) / STOP
        if marker.exists():
            return []
        marker.touch()
        return [place]

    def pause(self, seconds: float) -> None:
        """Waits so long, or until something has changed."""
        for execution in self._executions.values():
            execution.wait(seconds)
            return

    def close(self) -> None:
        """Ends what runs here, with all that it has started."""
        for execution in self._executions.values():
            execution.close()

    def _started(self, place: str) -> Execution:
        if place not in self._executions:
            work, folder = self._works[place], self._inside(place)
            self._executions[place] = Execution(work, self._run, folder, self._limit, self._opening, self._containers)
        return self._executions[place]

    def _left(self, place: str) -> Status:
        """What the folder says of a workflow that this process does not run."""
        try:
            lines = (self._inside(place) / RECORDS).read_bytes().splitlines()
            records = [msgspec.json.decode(line, type=Record) for line in lines]
        except FileNotFoundError:
            raise EngineError(f"there is no run {place}", hint="is this the folder that it was run with?") from None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EngineError(f"the records of {place} cannot be read: {error}") from error
        steps = [record for record in records if record.step]
        failed = tuple(record.step for record in steps if record.outcome != "succeeded")
        if records and not records[-1].step:
            phase: Phase = "succeeded" if records[-1].outcome == "succeeded" else "failed"
            return Status(phase=phase, message=records[-1].message, done=len(steps), steps=len(steps), failed=failed)
        if not is_locked(self._inside(place)):
            message = "its process has ended: call `couler run` again as before to continue"
            return Status(phase="failed", message=message, done=len(steps), steps=len(steps), failed=failed)
        return Status(phase="running", done=len(steps), steps=len(steps), failed=failed)

    def _inside(self, place: str) -> Path:
        """The folder of a workflow.

        Raises:
            EngineError: the place is none.
        """
        parts = PurePosixPath(place).parts
        if len(parts) != 2 or not all(map(NAME.fullmatch, parts)):  # run and workflow
            raise EngineError(f"{place!r:.80} is no place of a local run", hint="it is RUN/WORKFLOW")
        return self._folder.joinpath(*parts)
