"""Past runs of pipelines for `couler history`, from KFP's API.

Source: https://www.kubeflow.org/docs/components/pipelines/reference/api/kubeflow-pipeline-api-spec/. Nothing that it
says is taken on trust: lists have an end, and a run is the one that was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from couler_kfp.history.records import SCHEMA, TOLD, Details, Document, Run, calls_of, layers_in, name_of
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.net.json_api import JsonApi, Server, bearer, object_of, objects_in, refusals
from couler_plugins.runs.usage import time_of

ROOT, TOKEN = "/apis/v2beta1", "COULER_KFP_TOKEN"
DOUBT = "check that the URL is that of KFP 2's API server, and not of a proxy"
SERVER = Server(
    engine="kfp",
    name="KFP's API",
    example="https://kubeflow.example.com/pipeline",
    suffix=ROOT,
    credentials=f"set {TOKEN}",
    doubt=DOUBT,
    refusal=refusals(
        "kfp",
        "KFP's API",
        rights=f"set {TOKEN} to a token of somebody who may read pipelines and runs",
        missing="there is no such pipeline, or it is no API server of KFP 2",
        broken="see the log of ml-pipeline",
        doubt=DOUBT,
    ),
)
PAGE = 100
MOST = 20_000
"""Runs that are looked through; a backend lists those of all pipelines."""
ENDED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")


class KfpArchive:
    """The facet of one KFP.

    Args:
        source: the URL of its API.
    """

    def __init__(self, source: ArchiveSource) -> None:
        self._source = source

    def fetch(self, wanted: Wanted) -> Iterable[Mapping[str, Any]]:
        """The newest runs of pipelines that have ended; see `couler_plugins.hookspecs.past_runs`."""
        for run in _Fetch(
            JsonApi(SERVER, self._source.place, self._source.max_bytes, bearer(TOKEN, "kfp")), wanted
        ).runs():
            yield msgspec.to_builtins(Document(schema=SCHEMA, runs=(run,)))


class _Fetch:
    def __init__(self, client: JsonApi, wanted: Wanted) -> None:
        self._client = client
        self._wanted = wanted
        self._names: dict[str, str] = {}
        self._specifications: dict[tuple[str, str], Any] = {}
        for name in dict.fromkeys(wanted.workflows):
            answer = self._found("pipelines", "names", name)
            if answer is not None:  # runs of a file that was never uploaded have no pipeline
                self._names[str(answer.get("pipeline_id"))] = name

    def runs(self) -> Iterator[Run]:
        """The runs, the newest first; as many of each pipeline as are wanted.

        Raises:
            InvalidInput: there is nothing of a name that was asked for.
        """
        counts: Counter[str] = Counter()
        wanted, names = self._wanted, dict.fromkeys(self._wanted.workflows)
        for listed in self._listed():
            if names and all(counts[name] >= wanted.count(name) for name in names):
                break
            created = time_of(listed.get("created_at"))
            if created is not None and created < wanted.earliest:
                break
            if str(listed.get("state")).upper() not in ENDED:
                continue
            name, specification = self._pipeline(listed)
            run_id, ended = str(listed.get("run_id")), time_of(listed.get("finished_at"))
            is_new = run_id not in wanted.uids and (ended is None or ended >= wanted.since_of(name))
            if name and wanted.is_meant(name) and counts[name] < wanted.count(name):
                counts[name] += 1
                if is_new:
                    yield self._run(run_id, name, specification)
        present = {*self._names.values(), *wanted.since, *counts}
        missing = [name for name in names if name not in present]
        if missing:
            hint = "give the name of a pipeline, as its page or pipelineInfo has it"
            raise InvalidInput(f"KFP knows no pipeline {missing[0]!r:.80}, nor runs of it", engine="kfp", hint=hint)

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        count, token = 0, ""
        while count < MOST:
            more = {"page_token": token} if token else {}
            answer = self._client.get("runs", page_size=PAGE, sort_by="created_at desc", **more)
            items = objects_in(answer, "runs", SERVER, sparse=True)
            yield from items
            count += len(items)
            token = str(answer.get("next_page_token") or "")
            if not token or not items:
                return

    def _pipeline(self, listed: Mapping[str, Any]) -> tuple[str, Any]:
        """The name of a run's pipeline, and its specification where the run has it itself."""
        reference = listed.get("pipeline_version_reference")
        if isinstance(reference, Mapping) and reference.get("pipeline_id"):
            name = self._name(str(reference["pipeline_id"]))
            return name, self._version(reference) if name else None
        specification = listed.get("pipeline_spec")
        return name_of(specification), specification

    def _name(self, pipeline: str) -> str:
        """What a pipeline is called; empty where it is none that is wanted, or is gone."""
        if pipeline not in self._names and not self._wanted.workflows:
            answer = self._found("pipelines", pipeline) or {}
            self._names[pipeline] = str(answer.get("name") or answer.get("display_name") or "")
        return self._names.get(pipeline, "")

    def _version(self, reference: Mapping[str, Any]) -> Any:
        place = str(reference["pipeline_id"]), str(reference.get("pipeline_version_id") or "")
        if place not in self._specifications:
            answer = self._found("pipelines", place[0], "versions", place[1]) if place[1] else None
            self._specifications[place] = answer.get("pipeline_spec") if answer is not None else None  # or deleted
        return self._specifications[place]

    def _found(self, *path: str) -> Mapping[str, Any] | None:
        """What is there; None where nothing is."""
        try:
            return object_of(self._client.get(*path), SERVER)
        except InvalidInput as error:
            if not error.message.endswith(": 404"):
                raise
            return None

    def _run(self, run_id: str, pipeline: str, specification: Any) -> Run:
        try:
            run = TOLD.believed(self._client.get("runs", run_id), Run)
        except InvalidInput as error:
            raise EngineError(error.message, engine="kfp", hint=error.hint or DOUBT) from None
        if run.run_id != run_id:
            raise EngineError("KFP's API returned another run than the one requested", engine="kfp", hint=DOUBT)
        tasks = run.run_details.task_details if run.run_details is not None else None
        kept = sorted(tasks or (), key=lambda task: (task.task_id, task.pod_name, task.display_name))
        return replace(
            run,
            display_name="",
            pipeline=name_of(specification) or pipeline,
            calls=calls_of(specification),
            layers=layers_in(specification),
            pipeline_spec=None,
            run_details=Details(task_details=tuple(kept)),
        )
