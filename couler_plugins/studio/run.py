"""One run that was submitted from the page, followed in a thread."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from couler_plugins.driver.rewrite import adapter_errors
from couler_plugins.errors import CoulerError, EngineError, InvalidInput, one_line
from couler_plugins.hookspecs.running import Job, Request, Runner, Status, StepStatus, Submitted, Where
from couler_plugins.running import Head, Journal, Outcome, RunObserver, drive
from couler_plugins.studio.run_messages import Log, RunView, StepState

LONGEST_PAUSE = 2.0
"""Seconds between two looks at a run that somebody looks at, at most."""
LINES = 200
"""Lines of a log."""
log = logging.getLogger(__name__)


class _Gate:
    """A runner that submits nothing more once its run was stopped."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self.stopped = threading.Event()
        self.submitted: list[Job] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def submit(self, job: Job, request: Request) -> Submitted:
        """Submits a job.

        Raises:
            EngineError: the run was stopped.
        """
        with self._lock:
            if self.stopped.is_set():
                raise EngineError("the run was stopped")
            submitted = self._runner.submit(job, request)
            self.submitted.append(job)
            return submitted

    def stop(self) -> None:
        """Stop all that was submitted; nothing comes after it."""
        with self._lock:
            self.stopped.set()
            for job in self.submitted:
                if job.runs:
                    self._runner.stop(job.place)


class Run(RunObserver):
    """A run: it is submitted at once, and followed to its end.

    Args:
        engine: the engine's name.
        runner: what runs it.
        jobs: what to submit.
        request: what else is asked for.
        where: which engine.
        folder: where it keeps its journal, and what a local run makes.
        node_of: gives the id of the node in the view for a step of a job; empty for none.
    """

    def __init__(
        self,
        engine: str,
        runner: Runner,
        jobs: Sequence[Job],
        request: Request,
        where: Where,
        folder: tempfile.TemporaryDirectory[str],
        node_of: Callable[[Job, StepStatus], str],
    ) -> None:
        self._engine, self._jobs, self._request, self._where = engine, jobs, request, where
        self._folder, self._node_of = folder, node_of
        self._runner = runner
        self._gate = _Gate(runner)
        self._status: dict[str, Status] = {}
        self._outcome: Outcome | None = None
        self._error: CoulerError | None = None
        self._last: list[StepState] | None = None
        self._thread = threading.Thread(target=self._follow, name=f"couler run {request.run}", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self._outcome is not None or self._error is not None

    def moved(self, job: Job, status: Status) -> None:
        """A job is not where it was."""
        self._status[job.name] = status

    def _follow(self) -> None:
        path = Path(self._folder.name) / "journal.jsonl"
        pause = getattr(self._runner, "pause", time.sleep)  # some are told when something has changed
        try:
            with adapter_errors(self._engine, "its runner"), Journal.opened(path) as journal:
                journal.begin(Head.of(self._request.run, self._engine, self._where, self._jobs), path)
                self._outcome = drive(
                    self._gate,  # type: ignore[arg-type]  # it hands on all but `submit` and `stop`
                    self._jobs,
                    self._request,
                    journal,
                    follow=self,
                    sleep=lambda seconds: pause(min(seconds, LONGEST_PAUSE)),
                )
        except CoulerError as error:
            self._error = error
        except Exception as error:
            log.warning("the run failed: %s", one_line(error), exc_info=log.isEnabledFor(logging.DEBUG))
            self._error = EngineError(f"the studio failed to follow the run: {one_line(error)}")

    def view(self) -> RunView:
        """Return where it stands.

        Raises:
            EngineError: the engine failed.
        """
        ended = self.ended  # before the steps are read, so that the last look at them comes after the end
        if self._last is None:
            steps = self._steps()
            if ended:
                self._last = steps
        else:
            steps = self._last
        running = [job for job in self._jobs if job.runs]
        place = (running or list(self._jobs))[0].place if self._jobs else ""
        phase, message = self._phase(ended)
        outputs = {}
        if phase == "succeeded" and self._outcome is not None:
            outputs = {item.name: item.value for entry in self._outcome.entries.values() for item in entry.outputs}
        return RunView(
            run=self._request.run,
            engine=self._engine,
            place=place,
            phase=phase,  # type: ignore[arg-type]  # one of the four words
            message=message,
            steps=steps,
            outputs=outputs,
        )

    def _phase(self, ended: bool) -> tuple[str, str]:
        if self._error is not None and ended:
            return "failed", f"{self._error.message}{f' ({self._error.hint})' if self._error.hint else ''}"
        if self._outcome is not None and ended:
            if self._outcome.succeeded:
                put = "it is put in place; nothing in it runs by itself"
                return "succeeded", "" if any(job.runs for job in self._jobs) else put
            messages = [entry.message for entry in self._outcome.entries.values() if entry.message]
            return "failed", next(iter(messages), "it was stopped" if self._gate.stopped.is_set() else "")
        phases = [status.phase for status in self._status.values()]
        if self._gate.stopped.is_set():
            return "running", "it is told to stop"
        return "running" if "running" in phases else "pending", ""

    def _steps(self) -> list[StepState]:
        states: list[StepState] = []
        jobs = [job for job in list(self._gate.submitted) if job.runs]
        for job in jobs:
            within = f"{job.place}: " if len(jobs) > 1 else ""
            states += [
                StepState(
                    step=f"{within}{step.step}",
                    node=self._node_of(job, step),
                    phase=step.phase,
                    message=step.message,
                    has_log=step.has_log,
                )
                for step in self._steps_of(job)
            ]
        return states

    def _steps_of(self, job: Job) -> Sequence[StepStatus]:
        tell = getattr(self._runner, "steps", None)
        if tell is not None:
            with adapter_errors(self._engine, "steps()"):
                steps: Sequence[StepStatus] = tell(job.place)
            return steps
        status = self._status.get(job.name)
        if status is None:
            return []
        running = [StepStatus(step=name, node=name, phase="running") for name in status.running]
        return [*running, *(StepStatus(step=name, node=name, phase="failed") for name in status.failed)]

    def log(self, step: str) -> Log:
        """Return the last lines that a step has printed.

        Raises:
            InvalidInput: there is no such step.
            EngineError: the engine failed.
        """
        read = getattr(self._runner, "log", None)
        if read is None:
            return Log(lines=[], note=f"couler cannot read logs of {self._engine}: its own page has them")
        jobs = [job for job in list(self._gate.submitted) if job.runs]
        for job in jobs:
            within = f"{job.place}: " if len(jobs) > 1 else ""
            if step.startswith(within):
                with adapter_errors(self._engine, "log()"):
                    printed = read(job.place, step.removeprefix(within), LINES)
                return Log(lines=list(printed.lines), note=printed.note)
        raise InvalidInput(f"the run has no step {step!r:.120}", hint="take the name from the list of its steps")

    def stop(self) -> None:
        """Stop it, with all that it has started.

        Raises:
            EngineError: the engine failed.
        """
        if not self.ended:
            with adapter_errors(self._engine, "stop()"):
                self._gate.stop()

    def close(self) -> None:
        """End what of it runs in this process, and remove what it keeps here."""
        with contextlib.suppress(Exception):  # the studio ends, or forgets the run
            getattr(self._runner, "close", lambda: None)()
        self._folder.cleanup()
