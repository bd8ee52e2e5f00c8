"""Runs pipelines in a cluster, each part as soon as those that it needs are done.

A run is called after the run's identity and the content of its pipeline. So whoever has lost the answer, or died before
it came, finds by that name whether it is there.

Hand-off files: where a run in a cluster has written down what it hands out, and how that is read from here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from couler_kfp.run.client import Calls
from couler_kfp.run.jobs import jobs_of
from couler_kfp.run.stand_ins import filled, gathered, produced
from couler_kfp.run.steps import steps_of
from couler_kfp.split.handoff import FILE, HANDOFF, Crossing, read_handoff
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import EngineError, InvalidInput, Unsupported, install_hint
from couler_plugins.hookspecs.running import Job, Phase, Produced, Request, Status, StepStatus, Submitted, Where

SETTING = "COULER_KFP_PIPELINE_ROOT"
"""The environment variable that says where the runs keep what they make."""
MOST_BYTES = 64 * 1024**2
"""Bytes of a hand-off file: more than KFP takes as the parameters of a run."""


def root_of(spec: Mapping[str, Any]) -> str:
    """Where runs of a pipeline keep what they make; empty where only the cluster knows."""
    return str(spec.get("defaultPipelineRoot") or os.environ.get(SETTING, "")).split("?")[0].rstrip("/")


def needed_root(spec: Mapping[str, Any], pipeline: str) -> str:
    """The same, where it has to be known.

    Raises:
        InvalidInput: it is not.
    """
    if root := root_of(spec):
        return root
    message = f"the pipeline root of {pipeline!r} is not known"
    hint = f"set {SETTING} to the cluster's pipeline root, such as minio://mlpipeline/v2/artifacts"
    raise InvalidInput(message, engine="kfp", hint=hint)


def fetched(root: str, pipeline: str, run: str) -> Crossing:
    """What a run has handed out.

    Args:
        root: where runs keep what they make.
        pipeline: the name of the pipeline.
        run: the id of the run.

    Raises:
        EngineError: the file is not there, or cannot be read.
    """
    import fsspec

    url = f"{root}/{pipeline}/{run}/{FILE}"
    if url.startswith("minio://"):
        url = f"s3://{url.removeprefix('minio://')}"
    try:
        with fsspec.open(url, "rb") as stream:
            text = stream.read(MOST_BYTES)
    except ImportError as error:
        raise EngineError(f"{url} cannot be read: {error}", engine="kfp", hint=install_hint("storage")) from error
    except Exception as error:  # whatever the store of that scheme raises
        hint = "it is read with your own credentials: AWS_ENDPOINT_URL and keys for S3 and MinIO"
        message = f"what {pipeline} has handed out cannot be read from {url}: {type(error).__name__}"
        raise EngineError(message, engine="kfp", hint=hint) from error
    return read_handoff(text, url)


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

    def steps(self, place: str) -> list[StepStatus]:
        """The tasks of the run of that name."""
        if self._stands_for_parts(place):
            return []
        run = self._calls.get(self._ident(place))
        details = (run.get("run_details") or {}).get("task_details") or ()
        return steps_of(details, run.get("pipeline_spec"))

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
