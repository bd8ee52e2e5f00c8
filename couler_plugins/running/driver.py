"""Submits each job as soon as what it needs has succeeded, or ended where that is enough, and follows what runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from couler_plugins.hookspecs.running import Job, Phase, Request, Runner, Status, Submitted
from couler_plugins.running.journal import Entry, Journal

FIRST, LONGEST, GROWTH = 1.0, 10.0, 1.3
"""Seconds between two looks at what runs: the first pause, the longest, and how each grows from the one before."""


class RunObserver:
    """Is told what happens; every method does nothing."""

    def submitted(self, job: Job, submitted: Submitted) -> None:
        """A job was submitted, or found."""

    def moved(self, job: Job, status: Status) -> None:
        """A job that runs is not where it was."""


@dataclass
class Outcome:
    """What became of the jobs of a run.

    Attributes:
        submitted: what submitting did, by job; none where the journal knew it already.
        entries: what is known of each job that was submitted, by name.
        running: the status of those that have not ended.
        remaining: jobs that were not submitted, since what they need has not succeeded.
    """

    submitted: dict[str, Submitted] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    running: dict[str, Status] = field(default_factory=dict)
    remaining: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether all of it has."""
        ended = all(entry.phase == "succeeded" for entry in self.entries.values())
        return ended and not self.running and not self.remaining


def drive(
    runner: Runner,
    jobs: Sequence[Job],
    request: Request,
    journal: Journal,
    *,
    follow: RunObserver | None = None,
    wait: bool = True,
    timeout: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Submits jobs and follows them to their ends; what the journal knows of is taken up where it was left.

    Args:
        runner: the engine.
        jobs: what the runner made of the documents.
        request: what was asked for.
        journal: what happened before, and where to write down what happens.
        follow: is told what happens.
        wait: whether to wait for those that run; else they are left once nothing more can be submitted.
        timeout: seconds to wait at most; None for as long as it takes.
        clock: gives the time in seconds.
        sleep: waits for some seconds.

    Raises:
        InvalidInput: something else is in the place of a job.
        EngineError: the engine failed, or lost a job. The run can be taken up with its journal.
    """
    work = _Work(runner, jobs, request, journal, follow or RunObserver())
    deadline = None if timeout is None else clock() + timeout
    pauses = _pauses()
    while True:
        work.submit_ready()
        if not wait or not work.running:
            break
        if work.look():
            pauses = _pauses()  # what comes next may be short
            continue
        pause = next(pauses)
        if deadline is not None:
            remaining = deadline - clock()
            if remaining <= 0:
                break
            pause = min(pause, remaining)
        sleep(pause)
    return work.outcome()


class _Work:
    def __init__(self, runner: Runner, jobs: Sequence[Job], request: Request, journal: Journal, follow: RunObserver):
        self._runner, self._request, self._journal, self._follow = runner, request, journal, follow
        self._jobs = jobs
        # An engine may have been told meanwhile to try again what had failed.
        self._ended = {name for name, entry in journal.entries.items() if entry.phase == "succeeded"}
        self._status: dict[str, Status] = {}
        self._submitted: dict[str, Submitted] = {}

    @property
    def running(self) -> list[Job]:
        return [job for job in self._jobs if self._phase(job.name) == "running"]

    def submit_ready(self) -> None:
        """Submits what can be. One pass is enough: whatever a job needs comes before it."""
        for job in self._jobs:
            if job.name in self._journal.entries or not self._is_ready(job):
                continue
            done = self._runner.submit(job, self._request)
            self._submitted[job.name] = done
            phase: Phase | None = None if job.runs and not self._request.dry_run else "succeeded"
            self._add(Entry(job=job.name, outcome=done.outcome, phase=phase))
            self._follow.submitted(job, done)

    def _is_ready(self, job: Job) -> bool:
        if job.always:
            hopeless = self._hopeless()
            return all(self._phase(name) in ("succeeded", "failed") or name in hopeless for name in job.needs)
        return all(self._phase(name) == "succeeded" for name in job.needs)

    def _hopeless(self) -> set[str]:
        """The jobs that will never be submitted, since what they need has failed, or is such a job itself."""
        hopeless: set[str] = set()
        for job in self._jobs:
            waits = job.name not in self._journal.entries and not job.always
            if waits and any(self._phase(name) == "failed" or name in hopeless for name in job.needs):
                hopeless.add(job.name)
        return hopeless

    def look(self) -> bool:
        """Looks at what runs; whether any of it has ended."""
        ended = False
        for job in self.running:
            status = self._runner.status(job.place)
            if status != self._status.get(job.name):
                self._status[job.name] = status
                self._follow.moved(job, status)
            if status.phase in ("succeeded", "failed"):
                # Those of a failed job are no results, and an engine may not have them.
                outputs = tuple(self._runner.outputs(job.place)) if status.phase == "succeeded" else ()
                outcome = self._journal.entries[job.name].outcome
                entry = Entry(
                    job=job.name, outcome=outcome, phase=status.phase, message=status.message, outputs=outputs
                )
                self._add(entry)
                ended = True
        return ended

    def outcome(self) -> Outcome:
        entries = self._journal.entries
        running = {job.name: self._status.get(job.name) or _last(entries[job.name]) for job in self.running}
        remaining = [job.name for job in self._jobs if job.name not in entries]
        return Outcome(self._submitted, dict(entries), running, remaining)

    def _add(self, entry: Entry) -> None:
        if entry != self._journal.entries.get(entry.job):
            self._journal.add(entry)
        if entry.phase:
            self._ended.add(entry.job)

    def _phase(self, name: str) -> str:
        entry = self._journal.entries.get(name)
        if entry is None:
            return ""
        return str(entry.phase) if name in self._ended else "running"


def _last(entry: Entry) -> Status:
    """What the journal says of a job that nobody has looked at since."""
    return Status(phase=entry.phase or "pending", message=entry.message)


def _pauses() -> Iterator[float]:
    pause = FIRST
    while True:
        yield pause
        pause = min(LONGEST, pause * GROWTH)
