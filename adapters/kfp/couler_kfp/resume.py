"""Runs of KFP for `couler resume`: what is done leaves the pipeline, its outputs are constants and imports.

They are written as `cache{known=FILE}` writes them. What a backend does not tell of outputs, a record of known results
may tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from couler_kfp.archive import ENDED, SERVER, TOKEN
from couler_kfp.cache.cache import KfpCache
from couler_kfp.cache.known import constant, imported
from couler_kfp.documents import ROOT, is_pipeline, is_platform
from couler_kfp.history.endings import SEVERAL, EndedRun, Site, deciding, outcomes_of, results_of, sites_of
from couler_kfp.history.records import TOLD
from couler_kfp.run.client import Calls
from couler_kfp.split.bonds import IN_WORKSPACE, uses_workspace
from couler_kfp.structures import plain
from couler_kfp.tasks import SUCCEEDED
from couler_plugins.api import lift
from couler_plugins.caching.keys import digest
from couler_plugins.caching.known import KnownResult, KnownResults
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.errors import InvalidInput, restating
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.hookspecs.past_runs import ArchiveSource
from couler_plugins.hookspecs.resuming import Ended, PastRun, Place, RunSource
from couler_plugins.ir import (
    FirstOf,
    Graph,
    Native,
    Need,
    Operation,
    Output,
    Reference,
    Step,
    Value,
    Workflow,
    all_of,
    conjuncts,
    fresh_name,
    needed,
    references,
    replace,
)
from couler_plugins.net.json_api import JsonApi, bearer

RECORD = "couler.known-results/v1"
NOTHING = Ended(outcome="")
ASSUMED = "FILE counts as what ran: KFP does not tell the pipeline of this run"
CACHED = (
    "the cache of KFP is on for some tasks: if it is on in the server, a new run of the whole pipeline uses it, too"
)


def resume(source: RunSource) -> PastRun | None:
    """A run of KFP.

    Raises:
        InvalidInput: there is no such run, it goes on, or nobody tells its pipeline.
        EngineError: KFP does not answer.
    """
    documents = source.documents or tuple(_fetched(source.run, source.archive))
    every = [item for item in map(mapping_at, documents) if item.get("run_id")]
    runs = [(item, (item["run_id"], item.get("display_name"))) for item in every]
    run = source.only(runs, "kfp", "give its run_id, with what KFP's API answers: runs/ID")
    beside = [item for item in documents if not mapping_at(item).get("run_id")]
    records = [_record(item) for item in beside if mapping_at(item).get("schema") == RECORD]
    specs = [spec for item in (*beside, run) for spec in _specs(item)]
    return KfpRun(
        TOLD.believed(run, EndedRun),
        specs or [spec for item in source.edited for spec in _specs(item)],
        records,
        () if specs else (ASSUMED,),
    )


def _record(data: Any) -> KnownResults:
    hint = "docs/kfp-cache.md says what it holds"
    with restating(msgspec.ValidationError, "this is no record of known results", engine="kfp", hint=hint):
        return msgspec.convert(data, KnownResults)


def _specs(data: Any) -> list[Any]:
    """The pipeline of a run or of a version, and its platform; a file of a pipeline is that itself."""
    if is_pipeline(data) or is_platform(data):
        return [data]
    parts = filter(None, (mapping_at(data, key) for key in ("pipeline_spec", "platform_spec")))
    return [spec for part in parts for spec in _specs(part)]


def _fetched(name: str, place: ArchiveSource) -> Iterator[Any]:
    """A run; a server that is named tells of its version of a pipeline as well."""
    if not place.place.startswith(("http://", "https://")):
        calls = Calls(place.context, place.namespace)
        run = calls.get(str((calls.find(name) or {"run_id": name})["run_id"]))
        yield {**run, "run_details": _present(run.get("run_details"))}
        return
    client = JsonApi(SERVER, place.place, place.max_bytes, bearer(TOKEN, "kfp"))
    run = client.get("runs", name)
    yield run
    ids = mapping_at(run, "pipeline_version_reference")
    if ids.get("pipeline_id") and ids.get("pipeline_version_id"):
        with suppress(InvalidInput):  # it was deleted
            yield client.get("pipelines", str(ids["pipeline_id"]), "versions", str(ids["pipeline_version_id"]))


def _present(data: Any) -> Any:
    """Data without the fields that KFP's client has, and nobody has set."""
    if isinstance(data, list):
        return [_present(item) for item in data]
    return {k: _present(item) for k, item in data.items() if item is not None} if isinstance(data, dict) else data


class KfpRun(PastRun):
    """One run that has ended.

    Args:
        run: what the API tells of it.
        specs: its pipeline, and its platform.
        records: of results that are known.
        notes: on where that comes from.
    """

    def __init__(self, run: EndedRun, specs: Sequence[Any], records: Iterable[KnownResults], notes: Any = ()) -> None:
        self._id = run.run_id
        if str(run.state).upper() not in ENDED:
            hint = f"stop it first: couler stop --engine kfp {self._id}"
            raise InvalidInput(f"the run {self._id} has not ended", engine="kfp", hint=hint)
        workflows = lift(list(specs), engine="kfp").workflows if specs else ()
        if len(workflows) != 1:
            message = (
                "several pipelines could be meant" if workflows else f"KFP does not tell the pipeline of {self._id}"
            )
            raise InvalidInput(message, engine="kfp", hint="give its file, as it ran: couler resume RUN FILE")
        sites = sites_of(workflows[0])
        self._cache = KfpCache(workflows[0])
        self._arguments = mapping_at(run.runtime_config, "parameters")
        self._names = {site.step.name for site in sites}
        self._importers: dict[str, tuple[Step, Operation]] = {}
        results = self._recorded(sites, records) | results_of(run)
        outcomes = outcomes_of(run, sites)
        self._deciding = deciding(sites)
        steps: dict[Place, Ended] = {}
        for site in sites:  # what a graph gives comes after what its tasks gave
            if site.place in outcomes:
                steps[site.place] = self._ended(site, outcomes[site.place], results.get(site.place), steps)
        if any(self._cache.is_on(site.step) for site in sites):
            notes += (CACHED,)
        super().__init__(self._id, list(specs), steps, notes)

    def _recorded(self, sites: Sequence[Site], records: Iterable[KnownResults]) -> dict[Place, KnownResult]:
        """The results of records: of this run by its tasks, of any other by the keys of what these ran."""
        results: dict[Place, KnownResult] = {}
        sharers = Counter((site.graph, site.step.name) for site in sites)
        for record in records:
            if record.run not in ("", self._id):
                hint = f"give that of {self._id}"
                raise InvalidInput(f"the record is of the run {record.run}", engine="kfp", hint=hint)
            by_key = {item.step if record.run else item.key: item for item in record.results}
            keys = {site: "/".join(site) for site, count in sharers.items() if count == 1}
            keys = keys if record.run else self._cache.result_keys(assume_pure=True)
            every = ((site.place, by_key.get(keys.get((site.graph, site.step.name), ""))) for site in sites)
            results |= {place: result for place, result in every if result is not None}
        return results

    def _ended(self, site: Site, outcome: str, result: KnownResult | None, steps: Mapping[Place, Ended]) -> Ended:
        """How a task ended; its outputs, as far as anybody tells them."""
        if outcome == SEVERAL:
            return Ended(outcome="succeeded", again=SEVERAL)
        values: dict[tuple[str, str], Value | Objection | None] = {}
        single = outcome == "succeeded" and site.step.loop is None  # what a loop gave, nobody puts together
        for output in site.callee.outputs if single and IN_WORKSPACE not in repr(site.callee) else ():
            source, value = output.value, self._output(site, output, result)
            if value is None and isinstance(source, Reference) and not source.path:
                value = steps.get((*site.place, source.step), NOTHING).outputs.get((source.kind, source.name))
            values[output.kind, output.name] = self._deciding.get((site.graph, site.step.name, output.name), value)
        lost = {key: value.reason for key, value in values.items() if isinstance(value, Objection)}
        outputs = {key: value for key, value in values.items() if value and not isinstance(value, Objection)}
        return Ended(outcome=outcome, outputs=outputs, lost=lost)

    def _output(self, site: Site, output: Output, result: KnownResult | None) -> Value | Objection | None:
        if result is None or output.name not in (result.parameters if output.kind == "parameter" else result.artifacts):
            return None
        if output.kind == "parameter":
            return constant(output, result.parameters[output.name])
        artifact = result.artifacts[output.name]
        key = digest([self._id, *site.place, msgspec.to_builtins(artifact)])
        importer = imported(f"{site.step.name}-{output.name}", output, artifact, key)
        if isinstance(importer, Objection):
            return importer
        step, operation = importer
        name = fresh_name(step.name, {*self._names, *self._importers})
        self._importers[name] = replace(step, name=name), operation
        return Reference(to="output", step=name, kind="artifact", name=operation.outputs[0].name)

    def read(self, ended: Ended, reference: Reference) -> Value | None:
        """A constant, or the artifact of an importer; a text goes on to read the input that takes it."""
        value = super().read(ended, reference)
        if value is None or isinstance(value, Reference) or not reference.native:
            return value
        if "{{" in reference.native:
            return Reference(to="unknown", name=reference.native, native=reference.native)
        items = mapping_at(value.data).get("constant") if isinstance(value, Native) else None  # of a loop
        return Native.of(items) if isinstance(items, list) else None

    def exported(self, value: Value) -> Value | None:
        """A dag hands out what its tasks gave, and no constants."""
        several = value.values if isinstance(value, FirstOf) else (value,)
        return value if all(isinstance(item, Reference) for item in several) else None

    def gone(self, step: Step, callees: Iterable[Graph | Operation]) -> Mapping[str, str]:
        """The workspace of the run."""
        return {"the workspace": "it goes with the run"} if uses_workspace((step, *callees)) else {}

    def resumed(self, workflow: Workflow) -> Workflow:
        """The pipeline with importers of what is read of tasks that are done, on the parameters of the run."""
        ports = tuple(
            replace(port, default=plain(self._arguments[port.name]))
            if port.kind == "parameter" and self._arguments.get(port.name) is not None
            else port
            for port in workflow.parameters
        )
        operations = {item.name: item for item in workflow.operations}
        graphs: list[Graph] = []
        for graph in workflow.graphs:
            added = [self._importers[name] for name in self._read_by((graph.steps, graph.outputs))]
            operations |= {operation.name: operation for _, operation in added}
            steps = (*(step for step, _ in added), *map(self._waiting, graph.steps))
            graphs.append(replace(graph, steps=steps, inputs=ports if graph.name == ROOT else graph.inputs))
        return replace(workflow, parameters=ports, graphs=tuple(graphs), operations=tuple(operations.values()))

    def _read_by(self, part: Any) -> list[str]:
        """The importers that something reads."""
        return list(dict.fromkeys(item.step for item in references(part) if item.step in self._importers))

    def _waiting(self, step: Step) -> Step:
        """A task that waits for the importers that it reads."""
        outcomes = next((need.outcomes for need in needed(step.needs)), SUCCEEDED)
        added = [Need(step=name, outcomes=outcomes) for name in self._read_by(step)]
        return replace(step, needs=all_of([*conjuncts(step.needs), *added])) if added else step
