"""Past runs of pipelines, from a document of KFP's history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from msgspec.structs import replace

from couler_kfp.history import records
from couler_kfp.history.records import Call, Document, calls_of, layers_in, name_of
from couler_kfp.history.tasks import Instance, instances_of
from couler_plugins.caching.keys import digest
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Lookup, Run, StepRun
from couler_plugins.runs.usage import container_use

FAILED = "FAILED"


def runs_of(document: Document) -> list[Run]:
    """The runs that a document tells of, by pipeline and time; those without tasks are left out.

    The parents of a step are the instances of the tasks right before it, where the pipeline is known; no size is. What
    the backend found in its cache was loaded: what that took says nothing of computing it.

    Raises:
        InvalidInput: tasks of a pipeline come after themselves.
    """
    runs = [run for record in document.runs if (run := _run(record)) is not None]
    return sorted(runs, key=lambda run: (run.family, run.at))


def _run(record: records.Run) -> Run | None:
    calls = record.calls or calls_of(record.pipeline_spec)
    tasks = record.run_details.task_details if record.run_details is not None else None
    instances = instances_of(tasks or (), calls)
    if not instances:
        return None
    family = record.pipeline or name_of(record.pipeline_spec) or record.display_name or record.run_id
    ended = [item.ended for item in instances if item.ended != float("inf")]
    at = record.finished_at.timestamp() if record.finished_at is not None else max(ended, default=0.0)
    whole = (record.state or "").upper() != FAILED and all(item.fate != "failed" for item in instances)
    return Run(
        family=family,
        name=record.run_id,
        engine="kfp",
        uid="" if record.run_id == records.RUN else record.run_id,
        version=digest([[call.graph, call.name, call.spec, *call.after] for call in calls]) if calls else "",
        layers=record.layers or layers_in(record.pipeline_spec),
        steps=_Steps(instances, calls, family).all(),
        whole=whole,
        at=at,
    )


class _Steps:
    """The steps of one run."""

    def __init__(self, instances: Sequence[Instance], calls: Sequence[Call], family: str) -> None:
        self._family = family
        self._calls: dict[str, list[Call]] = defaultdict(list)
        for call in calls:
            self._calls[call.name].append(call)
        self._by_call: dict[str, list[Instance]] = defaultdict(list)
        for item in instances:
            self._by_call[self._site(item)].append(item)
        self._before = _leaves_before(calls, family)

    def all(self) -> tuple[StepRun, ...]:
        """The steps in a topological order, by their ends where that leaves a choice."""
        order = {site: {one for one in self._before.get(site, ()) if one in self._by_call} for site in self._by_call}
        steps: list[StepRun] = []
        positions: dict[str, tuple[int, ...]] = {}
        ends = {site: min(item.ended for item in some) for site, some in self._by_call.items()}
        sorter = TopologicalSorter({site: sorted(order[site]) for site in sorted(order)})
        sorter.prepare()
        while sorter.is_active():
            for site in sorted(sorter.get_ready(), key=lambda site: (ends[site], site)):
                parents = tuple(sorted(place for one in order[site] for place in positions[one]))
                some = sorted(self._by_call[site], key=lambda item: (item.ended, item.path))
                positions[site] = tuple(range(len(steps), len(steps) + len(some)))
                keys = tuple(steps[place].key for place in parents)
                steps += [self._ran(site, number, len(some), item, parents, keys) for number, item in enumerate(some)]
                sorter.done(site)
        return tuple(steps)

    def _call(self, item: Instance) -> Call | None:
        """The task of the pipeline that an instance is of; None where several have its name."""
        calls = self._calls.get(item.path[-1], [])
        if len(calls) > 1 and len(item.path) > 1:  # the dag that it is in is what the task before it in the path calls
            inside = {call.component for call in self._calls.get(item.path[-2], [])}
            calls = [call for call in calls if call.graph in inside]
        return calls[0] if len(calls) == 1 else None

    def _site(self, item: Instance) -> str:
        """`graph/task`, where the pipeline says which graph that is; else the path, or the name alone."""
        call = self._call(item)
        return f"{call.graph}/{call.name}" if call is not None else "/".join(item.path)

    def _ran(
        self, site: str, number: int, of: int, item: Instance, parents: tuple[int, ...], keys: Sequence[str]
    ) -> StepRun:
        call = self._call(item)
        component = call.component if call is not None else item.path[-1]
        containers = (container_use("main", call.resources),) if call is not None else ()
        spec = digest(["kfp", call.spec if call is not None else component, number])
        return StepRun(
            step=f"{site}({number})" if of > 1 else site,
            site=site,
            type=component,
            fused=call.fused if call is not None else (),
            spec=spec,
            key=digest([spec, *keys]),
            parents=parents,
            seconds=0.0 if item.fate == "skipped" else item.seconds,
            bytes=0 if item.fate == "skipped" else None,
            artifact=item.fate != "skipped",
            attempts=item.attempts,
            tries=tuple(replace(one, containers=containers) for one in item.tries),
            fate=item.fate,
            lookup=_lookup(item, call),
        )


def _lookup(item: Instance, call: Call | None) -> Lookup | None:
    """What the backend's cache answered. It looks for every result unless the pipeline forbids that."""
    if item.fate == "loaded":
        return Lookup(hit=True)
    is_asked = call is None or call.cached is not False
    return Lookup(hit=False, seconds=item.seconds) if is_asked and item.fate in ("computed", "failed") else None


def _leaves_before(calls: Sequence[Call], family: str) -> Mapping[str, frozenset[str]]:
    """For each task that is no dag, the tasks of this kind right before it, through the dags around and before it.

    Raises:
        InvalidInput: tasks wait for each other in a circle.
    """
    inside: dict[str, list[Call]] = defaultdict(list)
    around: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        inside[call.graph].append(call)
        if call.dag:
            around[call.component].append(call)
    by_name = {(call.graph, call.name): call for call in calls}

    def leaves(call: Call) -> set[str]:
        if not call.dag:
            return {f"{call.graph}/{call.name}"}
        return {leaf for inner in inside[call.component] for leaf in leaves(inner)}

    def before(call: Call) -> set[str]:
        if call.after:
            return {leaf for name in call.after for leaf in leaves(by_name[call.graph, name])}
        return {leaf for outer in around[call.graph] for leaf in before(outer)}

    try:
        names_before = {f"{call.graph}/{call.name}": frozenset(before(call)) for call in calls if not call.dag}
        TopologicalSorter(names_before).prepare()
    except (CycleError, RecursionError, KeyError):
        raise InvalidInput(f"the tasks of {family:.80} wait for each other in a circle", engine="kfp") from None
    return names_before
