"""Runs that are submitted from the page: kept in memory, as long as the studio runs."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from couler_plugins.driver.rewrite import adapter_errors
from couler_plugins.driver.session import lift_each, optimize_inputs
from couler_plugins.driver.submission import documents_to_run
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Job, Request, Runner, StepStatus, Where
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Workflow
from couler_plugins.running import new_run
from couler_plugins.running.runners import runner_of
from couler_plugins.studio.answers import NotFound
from couler_plugins.studio.app import poster, respond
from couler_plugins.studio.messages import Work
from couler_plugins.studio.picture import step_at
from couler_plugins.studio.run import Run
from couler_plugins.studio.run_messages import Log, RunRequest, RunView
from couler_plugins.studio.studio import Studio

MOST_RUNS = 50
"""How many runs are remembered; those that have ended are forgotten first."""


class Runs:
    """The runs of one studio.

    Args:
        studio: what the files come from.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def start(self, message: RunRequest) -> RunView:
        """Submit a file as the work on it stands.

        Raises:
            InvalidInput: the studio is read-only, or something in the request or the file makes no sense.
            Unsupported: nobody runs such workflows, or there is a document that cannot be submitted.
            EngineError: a right is missing, or the engine failed.
        """
        if self._studio.read_only:
            raise InvalidInput("the studio was started with --read-only: nothing is submitted", file=message.path)
        item, _, _ = self._studio.versions.edited(message)
        engine, documents = self._documents(item, message)
        folder = tempfile.TemporaryDirectory(prefix="couler-studio-", ignore_cleanup_errors=True)
        try:
            where = Where(
                context=message.context, namespace=message.namespace, folder=folder.name if message.local else ""
            )
            runner = self._runner(engine, where)
            request = Request(
                run=new_run(), parameters=message.parameters, rows=self._studio.session.rows.get("cache", ())
            )
            with adapter_errors(engine, "jobs()"):
                jobs = runner.jobs(documents, request)
                if (check := getattr(runner, "check", None)) is not None:  # a cluster says who may do what
                    check(jobs)
            run = Run(engine, runner, jobs, request, where, folder, self._nodes(item, message.workflow, jobs))
        except BaseException:
            folder.cleanup()
            raise
        self._remember(request.run, run)
        return run.view()

    def _documents(self, item: Input, work: Work) -> tuple[str, list[Any]]:
        """The engine, and the data of all documents to submit.

        Raises:
            InvalidInput: the pipeline changes other files too, which nobody has submitted.
        """
        local = isinstance(work, RunRequest) and work.local
        engine, documents = documents_to_run([item], self._studio.session, None, local=local)
        if not work.pipeline:
            return engine, documents
        inputs = [item, *self._studio.files.others(work.path)]
        result = optimize_inputs(inputs, work.pipeline, self._studio.session).to_write()
        first, *others = result.files
        if first.error is not None:
            raise first.error
        if changed := [file.relative for file in others if file.status == "changed"]:
            message = f"the pipeline changes other files as well: {', '.join(changed[:5])}"
            hint = "switch the optimizers off, or use `couler run`, which submits all files"
            raise InvalidInput(message, file=work.path, hint=hint)
        return engine, [*first.documents, *result.added_documents]

    def _runner(self, engine: str, where: Where) -> Runner:
        plugins = self._studio.session.plugins
        if where.folder and not plugins.adapter(engine).offers("local"):
            message = f"the studio cannot run workflows of {engine} on this machine"
            hint = "submit it to a cluster, or use `couler run --local`"
            raise Unsupported(message, engine=engine, feature="run", hint=hint)
        with adapter_errors(engine, "runner()"):
            return runner_of(plugins, engine, where)

    def _nodes(self, item: Input, number: int, jobs: Sequence[Job]) -> Callable[[Job, StepStatus], str]:
        """What gives the node of a step: of the jobs of a file with several workflows, only one is in the view."""
        workflows = [one for plan in lift_each([item], self._studio.session, _raise) for one in plan.workflows]
        if not 0 <= number < len(workflows):
            raise InvalidInput(f"the file has no workflow number {number}", hint="open the file again")
        chosen = workflows[number]
        own = _job_of(chosen, workflows, [job for job in jobs if job.runs])

        def node_of(job: Job, step: StepStatus) -> str:
            is_shown = own in (None, job.name) and step.node and step_at(chosen, step.node) is not None
            return step.node if is_shown else ""

        return node_of

    def _remember(self, name: str, run: Run) -> None:
        with self._lock:
            self._runs[name] = run
            over = len(self._runs) - MOST_RUNS
            old = [key for key, one in self._runs.items() if one.ended][: max(0, over)]
            forgotten = [self._runs.pop(key) for key in old]
        for one in forgotten:
            one.close()

    def _run(self, name: str) -> Run:
        run = self._runs.get(name)
        if run is None:
            hint = "the studio knows the runs that it has submitted itself since its start"
            raise NotFound(f"there is no run {name!r:.80}", hint=hint)
        return run

    def view(self, name: str) -> RunView:
        """Return where a run stands.

        Raises:
            NotFound: there is no such run.
            EngineError: the engine failed.
        """
        return self._run(name).view()

    def log(self, name: str, step: str) -> Log:
        """Return the last lines that a step of a run has printed.

        Raises:
            NotFound: there is no such run.
            InvalidInput: it has no such step.
            EngineError: the engine failed.
        """
        return self._run(name).log(step)

    def stop(self, name: str) -> RunView:
        """Stop a run.

        Raises:
            NotFound: there is no such run.
            InvalidInput: the studio is read-only.
            EngineError: the engine failed.
        """
        run = self._run(name)
        run.stop()
        return run.view()

    def close(self) -> None:
        """End what runs in this process, and remove what it keeps; threads that wait for it hold the process else."""
        for run in self._runs.values():
            run.close()


def run_routes(runs: Runs) -> list[BaseRoute]:
    """Return the routes of runs."""

    async def view(request: HttpRequest) -> Response:
        return await respond(runs.view, request.path_params["run"])

    async def log(request: HttpRequest) -> Response:
        return await respond(runs.log, request.path_params["run"], request.query_params.get("step", ""))

    async def stop(request: HttpRequest) -> Response:
        return await respond(runs.stop, request.path_params["run"])

    return [
        Route("/runs", poster(RunRequest, runs.start), methods=["POST"]),
        Route("/runs/{run}", view),
        Route("/runs/{run}/log", log),
        Route("/runs/{run}/stop", stop, methods=["POST"]),
    ]


def _job_of(chosen: Workflow, workflows: Sequence[Workflow], jobs: Sequence[Job]) -> str | None:
    """The name of the job that runs a workflow; None where any may, as there is one, or as it is called by others.

    Workflows that run, and their jobs, are in the order of their documents.
    """
    runs = [one for one in workflows if one.entry is not None and not one.library]
    if chosen not in runs or len(runs) != len(jobs) or len(jobs) < 2:
        return None
    return jobs[next(number for number, one in enumerate(runs) if one is chosen)].name


def _raise(item: Input, error: CoulerError) -> None:
    error.file = error.file or item.name
    raise error
