"""What `couler run` does: finds the engine, submits and follows."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from couler_plugins.cli.messages import log_retries
from couler_plugins.driver.rewrite import Session, adapter_errors
from couler_plugins.driver.submission import documents_to_run
from couler_plugins.errors import CoulerError, EngineError
from couler_plugins.hookspecs import Optimizer
from couler_plugins.hookspecs.running import Failure, Job, Request, Runner, Status, Submitted, Where
from couler_plugins.inputs.sources import Input
from couler_plugins.running import Head, Journal, Outcome, RunObserver, drive, new_run
from couler_plugins.running.runners import Local, runner_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What the command line asks for; see the options of `couler run`."""

    where: Where
    run: str | None
    parameters: Mapping[str, str]
    pipeline: str | Sequence[Optimizer] | None
    journal: Path | None
    wait: bool
    timeout: float | None
    dry_run: bool
    force: bool
    local: Local


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run of `couler run`.

    Attributes:
        run: the identity of the run.
        engine: the engine's name.
        jobs: what there was to submit.
        outcome: what became of it.
        failures: the steps that failed, by the job that they belong to.
    """

    run: str
    engine: str
    jobs: Sequence[Job]
    outcome: Outcome
    failures: Mapping[str, Sequence[Failure]]


class RunPrinter(RunObserver):
    """Says on stderr what happens, a line each time that something has changed."""

    def __init__(self, *, quiet: bool, dry_run: bool) -> None:
        self._quiet = quiet
        self._would = "would be " if dry_run else ""
        self._last: dict[str, str] = {}

    def submitted(self, job: Job, submitted: Submitted) -> None:
        """A job was submitted, or found."""
        before = f" (before: {submitted.before})" if submitted.before else ""
        outcome = "there already" if submitted.outcome == "adopted" else f"{self._would}{submitted.outcome}"
        if submitted.outcome != "gathered":  # nothing was put anywhere
            self._say(f"{job.name}: {outcome}{before}")

    def moved(self, job: Job, status: Status) -> None:
        """A job that runs is not where it was."""
        line = f"{job.place}: {described(status)}"
        if self._last.get(job.name) != line:
            self._last[job.name] = line
            self._say(line)

    def _say(self, line: str) -> None:
        if not self._quiet and sys.stderr is not None:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def run(files: Sequence[Input], session: Session, wanted: RunRequest, *, quiet: bool) -> RunReport:
    """Submits what the files hold, and follows it.

    Raises:
        InvalidInput: a file, a parameter or the journal is not what it should be.
        Unsupported: there is a document that cannot be submitted, or the engine has nobody who submits.
        EngineError: the engine failed.
        KeyboardInterrupt: somebody interrupted it; what to do about that was said.
    """
    engine, documents = documents_to_run(files, session, wanted.pipeline, local=bool(wanted.where.folder))
    log_retries()
    runner = runner_of(session.plugins, engine, wanted.where, wanted.local)
    with contextlib.closing(_Closing(runner)), Journal.opened(wanted.journal) as journal:
        name = wanted.run or (journal.head.run if journal.head else None) or new_run()
        request = Request(
            run=name,
            parameters=wanted.parameters,
            dry_run=wanted.dry_run,
            force=wanted.force,
            rows=session.rows.get("cache", ()),
        )
        with adapter_errors(engine, "jobs()"):
            jobs = runner.jobs(documents, request)
        journal.begin(Head.of(name, engine, wanted.where, jobs), wanted.journal)
        printer = RunPrinter(quiet=quiet, dry_run=wanted.dry_run)
        try:
            with adapter_errors(engine, "its runner"):
                if (check := getattr(runner, "check", None)) is not None:  # a cluster says who may do what
                    check([job for job in jobs if job.name not in journal.entries])
                sleep = getattr(runner, "pause", time.sleep)  # what runs here says when something has changed
                outcome = drive(
                    runner,
                    jobs,
                    request,
                    journal,
                    follow=printer,
                    wait=wanted.wait,
                    timeout=wanted.timeout,
                    sleep=sleep,
                )
                failures = dict(_failures(runner, jobs, outcome))
        except KeyboardInterrupt:
            _say_how_to_go_on(wanted, name, engine, jobs, journal)
            raise
        except CoulerError as error:
            if error.exit_code == 3:
                _say_how_to_go_on(wanted, name, engine, jobs, journal)
            raise
        if outcome.running and not quiet:
            _say_how_to_go_on(wanted, name, engine, jobs, journal)
    return RunReport(name, engine, jobs, outcome, failures)


def _failures(runner: Runner, jobs: Sequence[Job], outcome: Outcome) -> Iterator[tuple[str, Sequence[Failure]]]:
    """What failed in the jobs that did, as far as the engine tells."""
    tell = getattr(runner, "failures", None)
    for job in jobs:
        entry = outcome.entries.get(job.name)
        if tell is None or entry is None or entry.phase != "failed":
            continue
        try:
            yield job.name, tell(job.place)
        except EngineError as error:
            log.warning("what failed in %s is not known: %s", job.place, error.message)


class _Closing:
    """Ends what a runner runs in this process, where it runs something here."""

    def __init__(self, runner: Runner) -> None:
        self.close = getattr(runner, "close", lambda: None)


def described(status: Status) -> str:
    """A status in one line."""
    figures = f", {status.done} of {status.steps} steps so far are done" if status.steps else ""
    named = [
        f"; {what}: {some_of(names)}"
        for what, names in (
            ("running", status.running),
            ("failed", status.failed),
            ("for you to resume", status.waiting),
        )
        if names
    ]
    message = f" ({status.message})" if status.message else ""
    return f"{status.phase}{message}{figures}{''.join(named)}"


def some_of(names: Sequence[str], most: int = 5) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _say_how_to_go_on(request: RunRequest, name: str, engine: str, jobs: Sequence[Job], journal: Journal) -> None:
    """What was submitted runs on: how to follow it, and how to stop it."""
    there = [job for job in jobs if job.runs and job.name in journal.entries and not journal.entries[job.name].phase]
    if request.where.folder:
        there = []  # what ran in this process has ended with it
    reach = f" --context {shlex.quote(request.where.context)}" if request.where.context else ""
    again = f"--journal {shlex.quote(str(request.journal))}" if request.journal else f"--run-id {name}"
    lines = [f"{job.place} runs on" for job in there]
    lines.append(f"to go on: call the same again with {again}")
    lines += [f"to stop it: couler stop --engine {engine} {job.place}{reach}" for job in there]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
