"""Runs Tekton's pipelines and tasks in a cluster, and the parts of a pipeline that was split one after another."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec

from couler_plugins.engine_kit.kubernetes.calls import Mapped
from couler_plugins.engine_kit.kubernetes.failing import failures
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL
from couler_plugins.engine_kit.kubernetes.objects import Calls, Kind
from couler_plugins.engine_kit.kubernetes.step_logs import RunStep, read_log
from couler_plugins.engine_kit.kubernetes.submitting import apply, create, demand, right_to_submit
from couler_plugins.engine_kit.kubernetes.watching import Bell
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import (
    Failure,
    Job,
    Produced,
    Request,
    Status,
    StepLog,
    StepStatus,
    Submitted,
    Where,
)
from couler_tekton.run.jobs import HINTS, PIPELINE_RUN, TASK_RUN, TASK_RUNS, jobs_of, kind_of
from couler_tekton.run.parts import READ, STATUS, WHOLE_LABEL, WITHIN
from couler_tekton.run.sizes import too_large
from couler_tekton.run.status import (
    ended,
    failed_of,
    outcome_of,
    produced,
    results_of,
    status_of,
    step_of,
    steps_of,
    together,
)

RUN_OF_TASKS = "tekton.dev/pipelineRun"
"""The label that says which PipelineRun a TaskRun belongs to."""
ENTRY = "run"
"""What a TaskRun's only step is called, as it is lifted."""
STOP, TERMINATE, TASK_STOP = "StoppedRunFinally", "Cancelled", "TaskRunCancelled"


class Unmade(Exception):
    """What a part reads was not made."""


class TooLarge(Unmade):
    """What a part reads is more than a run can hold."""


def runner_of(where: Where) -> TektonRunner | None:
    """What runs pipelines in a cluster; None for a run in this process."""
    return None if where.folder else TektonRunner(where)


class TektonRunner:
    """One cluster, by the Kubernetes API.

    Args:
        where: which one.
    """

    def __init__(self, where: Where) -> None:
        self._where = where
        self._jobs: dict[str, Job] = {}
        self._run = ""

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self._where.context, HINTS)

    @cached_property
    def _bell(self) -> Bell | None:
        around = {self._at(place)[:2] for place in self._jobs}
        if len(around) != 1:  # what is spread over kinds or namespaces is not worth several watches
            return None
        return Bell(self._calls, *around.pop(), f"{RUN_LABEL}={self._run}", ended)

    @property
    def _namespace(self) -> str:
        return self._where.namespace or self._calls.namespace

    def jobs(self, documents: Sequence[Any], request: Request) -> list[Job]:
        """Side documents, Tasks and Pipelines first, then what runs; see `couler_tekton.run.jobs`."""
        jobs = jobs_of(documents, request, self._where.namespace, self._namespace)
        self._jobs = {job.place: job for job in jobs if job.runs}
        self._run = request.run
        return jobs

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuses jobs that we may not submit, as far as the cluster says so.

        Raises:
            EngineError: a right is missing, or the cluster failed.
        """
        kinds = {job.place: self._at(job.place)[0] if job.runs else kind_of(job.content) for job in jobs}
        rights = [right_to_submit(kinds[job.place], job) for job in jobs]
        demand(self._calls.api, rights, "`couler doctor` lists all rights that are missing")

    def pause(self, seconds: float) -> None:
        """Waits so long, or until one of the runs has ended, as far as the cluster tells of that."""
        (time.sleep if self._bell is None else self._bell.wait)(seconds)

    def submit(self, job: Job, request: Request) -> Submitted:
        """Puts a document in place, or creates a run unless it is there. What stands for a whole creates none."""
        if not job.runs:
            return apply(self._calls, kind_of(job.content), job, request)
        if "document" not in job.content:
            return Submitted("gathered")
        document = job.content["document"]
        if "params" in job.content and not request.dry_run:
            try:
                document = self._filled(job)
            except Unmade as unmade:
                return Submitted("unchanged", f"nothing is created: {unmade}")
        ready = msgspec.structs.replace(job, content=document)
        return create(self._calls, kind_of(document), ready, request, str(document["kind"]))

    def status(self, place: str) -> Status:
        """How far the run at `namespace/name` is; a part that could not be created has failed, or is left out."""
        job = self._jobs.get(place)
        if job is not None and "document" not in job.content:
            return Status(phase="succeeded")
        document = self._get(place)
        if document is None and (unmade := self._unmade(place)):
            left_out = job is not None and job.always and not isinstance(unmade, TooLarge)
            return Status(phase="succeeded" if left_out else "failed", message=str(unmade))
        parts = [] if document is not None else self._parts(*self._at(place)[1:])
        return together(parts) if parts else status_of(document or self._needed(place))

    def outputs(self, place: str) -> list[Produced]:
        """The results of the run at `namespace/name`."""
        job = self._jobs.get(place)
        if job is None or "document" in job.content:
            document = self._get(place)
            if document is None and self._unmade(place):
                return []
            return produced(results_of(document or self._needed(place)))
        results: Mapped = {}
        for name, value in job.content["results"].items():
            try:
                results[name] = self._result(value, job)
            except Unmade:
                continue  # Tekton leaves out results of tasks that were skipped
        return produced(results)

    def failures(self, place: str) -> list[Failure]:
        """The tasks that failed in the run at `namespace/name`; of a part that could not be created, none."""
        kind, namespace, name = self._at(place)
        if kind is TASK_RUN:
            return list(failures(self._calls, failed_of([self._needed(place)])))
        return list(failures(self._calls, failed_of(self._task_runs(namespace, name))))

    def steps(self, place: str) -> list[StepStatus]:
        """The tasks of the run at `namespace/name`; of a part that could not be created, none."""
        return [step.status for step in self._steps(place)]

    def log(self, place: str, step: str, lines: int) -> StepLog:
        """The last lines that the steps of a task have printed."""
        return read_log(self._calls, self._steps(place), step, lines)

    def _steps(self, place: str) -> list[RunStep]:
        kind, namespace, name = self._at(place)
        run = self._get(place)
        if run is None:
            return []
        if kind is TASK_RUN:
            return [step_of(run, ENTRY, ENTRY)]
        return steps_of(run, self._task_runs(namespace, name))

    def _task_runs(self, namespace: str, run: str) -> Iterator[Mapped]:
        return self._calls.labelled(TASK_RUN, "TaskRun", namespace, f"{RUN_OF_TASKS}={run}")

    def stop(self, place: str, *, terminate: bool = False) -> list[str]:
        """Stops a run; of one that was split, all parts that are there."""
        kind, namespace, name = self._at(place)
        document = self._calls.get(kind, namespace, name)
        parts = [document] if document is not None else self._parts(namespace, name)
        if not parts:
            self._needed(place)
        how = TASK_STOP if kind is TASK_RUN else TERMINATE if terminate else STOP
        stopped = []
        for run in parts:
            # Stopped twice is stopped once; who stopped may be terminated, and not the other way round.
            if not ended(run) and run["spec"].get("status") not in (how, TERMINATE):
                self._calls.merge(kind, namespace, run["metadata"]["name"], {"spec": {"status": how}})
                stopped.append(place if document is not None else f"{namespace}/{run['metadata']['name']}")
        return stopped

    def _unmade(self, place: str) -> Unmade | None:
        """Why a part was never created; None where there is no such reason."""
        job = self._jobs.get(place)
        if job is None or "params" not in job.content:
            return None
        try:
            self._filled(job)
        except Unmade as unmade:
            return unmade
        return None

    def _parts(self, namespace: str, name: str) -> list[Mapped]:
        return list(self._calls.labelled(PIPELINE_RUN, "PipelineRun", namespace, f"{WHOLE_LABEL}={name}"))

    def _filled(self, job: Job) -> Mapped:
        """The PipelineRun of a part, with the results of others that it is given."""
        document: Mapped = job.content["document"]
        params = [{"name": name, "value": self._value(value, job)} for name, value in job.content["params"].items()]
        filled = {**document, "spec": {**document["spec"], **({"params": params} if params else {})}}
        if reason := too_large(job.content["pipeline"], filled):
            raise TooLarge(reason)
        return filled

    def _value(self, value: Any, job: Job) -> Any:
        """A value that may be a result of a part, or say how all of them ended."""
        if value == STATUS:
            return self._aggregate(job)
        match = READ.fullmatch(value) if isinstance(value, str) else None
        return value if match is None else self._handed_out(match, job)

    def _result(self, value: Any, job: Job) -> Any:
        """A result of the whole: what parts have handed out, also as items, and within texts, lists and mappings."""
        if isinstance(value, list):
            results = [self._result(item, job) for item in value]
            # As Tekton does: a list within a list is its items.
            return [each for item in results for each in (item if isinstance(item, list) else [item])]
        if isinstance(value, dict):
            return {key: self._result(item, job) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        if match := WITHIN.fullmatch(value):
            return self._item(match, job)
        return WITHIN.sub(lambda match: str(self._item(match, job)), value)

    def _item(self, match: re.Match[str], job: Job) -> Any:
        values = self._handed_out(match, job)
        index, key = match["index"], match["key"]
        try:
            return values[key] if key else values[int(index)] if index and index != "*" else values
        except (LookupError, TypeError, ValueError) as error:
            raise Unmade(f"{match['task']} has handed out nothing for {match.group()}") from error

    def _handed_out(self, match: re.Match[str], job: Job) -> Any:
        name = match["plain"] or match["quoted"]
        run = self._get(job.content["places"][match["task"]])
        results = results_of(run) if run is not None else {}
        if name not in results:
            raise Unmade(f"{match['task']} has no result {name!r}")
        return results[name]

    def _aggregate(self, job: Job) -> str:
        """How the parts before this one ended: Tekton's `$(tasks.status)`."""
        main = [place for place in job.content["places"].values() if not self._jobs[place].always]
        outcomes = {outcome_of(self._get(place)) for place in main}
        return next((outcome for outcome in ("Failed", "None", "Completed") if outcome in outcomes), "Succeeded")

    def _get(self, place: str) -> Mapped | None:
        return self._calls.get(*self._at(place))

    def _needed(self, place: str) -> Mapped:
        document = self._get(place)
        if document is None:
            hint = "it was deleted, or this is another cluster"
            raise EngineError(f"there is no run {place}", engine="tekton", hint=hint)
        return document

    def _at(self, place: str) -> tuple[Kind, str, str]:
        """The kind, the namespace and the name of what is at a place."""
        around, _, name = place.rpartition("/")
        if around == TASK_RUNS or around.endswith(f"/{TASK_RUNS}"):
            return TASK_RUN, around[: -len(TASK_RUNS)].rstrip("/") or self._namespace, name
        return PIPELINE_RUN, around or self._namespace, name
