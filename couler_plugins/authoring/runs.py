"""A workflow that was submitted: how far it is, how it ended, and what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from couler_plugins.driver.rewrite import adapter_errors
from couler_plugins.hookspecs.running import Request, Runner, Status
from couler_plugins.running import Journal, drive


class SubmittedRun:
    """A run. It goes on where it runs, whatever becomes of this object.

    Args:
        engine: the engine's name.
        runner: what submits there.
        documents: of the workflow.
        request: what was asked for.
    """

    def __init__(self, engine: str, runner: Runner, documents: Sequence[Any], request: Request) -> None:
        self.engine = engine
        self._runner = runner
        self._request = request
        self._journal = Journal()
        with adapter_errors(engine, "jobs()"):
            self._jobs = runner.jobs(documents, request)

    @property
    def name(self) -> str:
        """The identity of the run."""
        return self._request.run

    @property
    def places(self) -> tuple[str, ...]:
        """Where the engine keeps what runs."""
        return tuple(job.place for job in self._jobs if job.runs)

    def drive(self, *, wait: bool, timeout: float | None = None) -> None:
        """Submits what was not yet, and follows it where that is wanted.

        Raises:
            EngineError: the engine failed.
        """
        with adapter_errors(self.engine, "its runner"):
            self._outcome = drive(self._runner, self._jobs, self._request, self._journal, wait=wait, timeout=timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the end, at most so many seconds; whether all of it has succeeded by then.

        Raises:
            EngineError: the engine failed, or has lost the run.
        """
        self.drive(wait=True, timeout=timeout)
        return self._outcome.succeeded

    def status(self) -> Mapping[str, Status]:
        """How far each workflow of the run is, by its place.

        Raises:
            EngineError: the engine failed, or has lost the run.
        """
        with adapter_errors(self.engine, "its runner"):
            return {place: self._runner.status(place) for place in self.places}

    def outputs(self) -> Mapping[str, str]:
        """What has been handed out by what has succeeded, by name."""
        return {item.name: item.value for entry in self._outcome.entries.values() for item in entry.outputs}

    def stop(self, *, terminate: bool = False) -> None:
        """Stops it; `terminate` leaves handlers that clean up out.

        Raises:
            EngineError: the engine failed, or has lost the run.
        """
        with adapter_errors(self.engine, "its runner"):
            for place in self.places:
                self._runner.stop(place, terminate=terminate)
