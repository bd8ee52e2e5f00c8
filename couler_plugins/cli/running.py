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
from typing import Any

from couler_plugins.cli.messages import log_retries
from couler_plugins.driver.pipeline import refuse_broken
from couler_plugins.driver.rewrite import Session, adapter_errors
from couler_plugins.driver.session import lift_inputs, optimize_inputs
from couler_plugins.errors import CoulerError, EngineError, InvalidInput, Unsupported
from couler_plugins.hookspecs import Optimizer
from couler_plugins.hookspecs.running import Failure, Job, Request, Runner, Status, Submitted, Where
from couler_plugins.inputs.sources import Input
from couler_plugins.plugins import Plugins
from couler_plugins.running import Head, Journal, Outcome, RunObserver, drive, new_run
from couler_plugins.running.local import LocalRunner
from couler_plugins.running.local.caching import Opening
from couler_plugins.running.local.containers import ContainerEngine, Containers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Local:
    """What `--local` is told.

    Attributes:
        parallel: how many programs may run at a time.
        opening: opens the cache, if anything is cached.
        containers: what runs programs in containers; None where they are processes.
    """

    parallel: int | None = None
    opening: Opening | None = None
    containers: ContainerEngine | None = None


NOTHING = Local()


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
    engine, documents = _documents(files, session, wanted.pipeline, local=bool(wanted.where.folder))
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


def runner_of(plugins: Plugins, engine: str, where: Where, local: Local = NOTHING) -> Runner:
    """The runner of an engine.

    Raises:
        InvalidInput: there is no such engine.
        Unsupported: its adapter submits nothing.
    """
    log_retries()
    runner = offered_runner(plugins, engine, where, local)
    if runner is None and where.folder:
        hint = "leave --local out, and run it on its engine"
        raise Unsupported(
            f"--local is not supported for workflows of {engine}", engine=engine, feature="run --local", hint=hint
        )
    if runner is None:
        hint = "write the documents with `couler optimize`, and submit them with the engine's own tools"
        raise Unsupported(f"couler cannot submit workflows of {engine}", engine=engine, feature="run", hint=hint)
    return runner


def offered_runner(plugins: Plugins, engine: str, where: Where, local: Local = NOTHING) -> Runner | None:
    """The same; None where its adapter submits nothing, and the local engine cannot run what it lifts, either."""
    adapter = plugins.adapter(engine)
    runner = adapter.runner(where)
    if runner is not None and where.folder and local != NOTHING:
        message = f"{engine} has its own runner for --local, which supports no --parallel, --cache or --containers"
        raise Unsupported(message, engine=engine, feature="run --local", hint="leave these out")
    if runner is None and where.folder and adapter.offers("local"):
        containers = Containers.ask(local.containers) if local.containers is not None else None
        runner = LocalRunner(adapter, where, parallel=local.parallel, opening=local.opening, containers=containers)
    return runner


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


def _documents(
    files: Sequence[Input], session: Session, pipeline: str | Sequence[Optimizer] | None, *, local: bool
) -> tuple[str, list[Any]]:
    """The engine, and the data of all documents; optimized where there is a pipeline.

    A cluster looks itself whether workflows are whole. What runs here has to be before its first step runs.
    """
    for item in files:
        if item.error is not None:
            raise item.error
    read = [item.file for item in files if item.file is not None]
    engines = list(session.engines(read, _raise))
    if len(engines) != 1:
        message = (
            f"found workflows of several engines ({', '.join(engines)})" if engines else "there is no workflow to run"
        )
        raise InvalidInput(message, hint="choose one with --engine" if engines else "give a file that holds one")
    if local and pipeline is None:
        refuse_broken(lift_inputs(files, session, _raise), _raise)
    if pipeline is None:
        bundle = session.plugins.adapter(engines[0]).load(read)
        return engines[0], [document.data for document in bundle.documents]
    return engines[0], list(optimize_inputs(files, pipeline, session).documents)


def _raise(_: object, error: CoulerError) -> None:
    raise error


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
