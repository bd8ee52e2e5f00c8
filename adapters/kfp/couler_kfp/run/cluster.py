"""Runs pipelines in a cluster, each part as soon as those that it needs are done.

A run is called after the run's identity and the content of its pipeline. So whoever has lost the answer, or died before
it came, finds by that name whether it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from couler_kfp.mappings import Mapped
from couler_kfp.run.client import Calls
from couler_kfp.run.jobs import jobs_of
from couler_kfp.run.stand_ins import filled, gathered, produced
from couler_kfp.run.store import fetched, needed_root, root_of
from couler_kfp.split.handoff import HANDOFF, Crossing
from couler_plugins.errors import EngineError, Unsupported
from couler_plugins.hookspecs.running import Job, Phase, Produced, Request, Status, Submitted, Where

PHASES: dict[str, Phase] = {
    "PENDING": "pending",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "succeeded",
    "FAILED": "failed",
    "CANCELED": "failed",
}
"""Every other state is one of a run that has not ended."""
DONE = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED", "CACHED"})
MOST = 300  # characters of a message


class ClusterRunner:
    """One KFP.

    Args:
        where: which one.
    """

    def __init__(self, where: Where) -> None:
        self._where = where
        self._jobs: dict[str, Job] = {}
        self._idents: dict[str, str] = {}
        self._crossings: dict[str, Crossing] = {}

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self._where.context, self._where.namespace)

    def jobs(self, documents: Sequence[Any], request: Request) -> list[Job]:
        """The pipelines and parts; see `couler_kfp.run.jobs`."""
        if request.dry_run:
            hint = "couler run --local runs it here, couler explain says what split would do"
            raise Unsupported(
                "--dry-run is not supported by KFP, whose API has no check without a run",
                engine="kfp",
                feature="dry-run",
                hint=hint,
            )
        jobs = jobs_of(documents, request)
        for job in jobs:
            if _hands_out(job):
                needed_root(job.content["spec"], job.name)
        self._jobs = {job.place: job for job in jobs}
        return jobs

    def submit(self, job: Job, request: Request) -> Submitted:
        """Makes a run unless it is there. What stands for a pipeline that was split makes none."""
        if "spec" not in job.content:
            return Submitted("created")
        if (run := self._calls.find(job.place)) is not None:
            return Submitted("adopted", f"run {run['run_id']}")
        ready, content = filled(job, self._crossing), job.content
        try:
            self._calls.create(job.place, ready.spec, content["platform"], ready.arguments, root_of(content["spec"]))
        except EngineError:
            if self._calls.find(job.place) is None:  # only the answer was lost
                raise
        return Submitted("created")

    def status(self, place: str) -> Status:
        """How far the run of that name is."""
        if self._stands_for_parts(place):
            return Status(phase="succeeded")
        run = self._calls.get(self._ident(place))
        tasks = [task for task in (run.get("run_details") or {}).get("task_details") or () if task.get("pod_name")]
        by_state = [(str(task.get("display_name")), task.get("state")) for task in tasks]
        state, error = str(run.get("state")), run.get("error") or {}
        message = " ".join(str(error.get("message") or "").split())[:MOST]

        return Status(
            phase=PHASES.get(state, "running"),
            message=message or ("it was terminated" if state == "CANCELED" else ""),
            done=sum(its in DONE for _, its in by_state),
            steps=len(by_state),
            running=tuple(name for name, its in by_state if its == "RUNNING"),
            failed=tuple(name for name, its in by_state if its == "FAILED"),
        )

    def outputs(self, place: str) -> list[Produced]:
        """What a part, or a pipeline that was split, has handed out; KFP tells of no others."""
        job = self._jobs.get(place)
        if job is None or not (self._stands_for_parts(place) or _hands_out(job)):
            return []
        whole = self._stands_for_parts(place)
        return produced(gathered(job, self._crossing) if whole else self._crossing(place))

    def stop(self, place: str, *, terminate: bool = False) -> list[str]:
        """Terminates a run; KFP runs exit handlers or not as it likes."""
        if self._stands_for_parts(place):
            return []
        ident = self._ident(place)
        if PHASES.get(str(self._calls.get(ident).get("state")), "running") in ("succeeded", "failed"):
            return []
        self._calls.terminate(ident)
        return [place]

    def _stands_for_parts(self, place: str) -> bool:
        job = self._jobs.get(place)
        return job is not None and "spec" not in job.content

    def _ident(self, place: str) -> str:
        if place not in self._idents:
            run = self._calls.find(place)
            if run is None:
                hint = "it was deleted, or this is another KFP, or another namespace"
                raise EngineError(f"there is no run {place}", engine="kfp", hint=hint)
            self._idents[place] = str(run["run_id"])
        return self._idents[place]

    def _crossing(self, place: str) -> Crossing:
        if place not in self._crossings:
            job = self._jobs[place]
            root = needed_root(job.content["spec"], job.name)
            self._crossings[place] = fetched(root, job.name, self._ident(place))
        return self._crossings[place]


def _hands_out(job: Job) -> bool:
    """Whether a job ends with writing down what it hands out."""
    spec: Mapped = job.content.get("spec") or {"root": {}}
    return HANDOFF in spec["root"].get("dag", {}).get("tasks", {})
