"""Past and present runs, from what the cluster says of PipelineRuns and their TaskRuns (`kubectl get -o json`).

Sources: `pkg/apis/pipeline/v1` (PipelineRunStatus, TaskRunStatus), `docs/labels.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.caching.keys import digest
from couler_plugins.engine_kit.kubernetes.calls import status_in
from couler_plugins.engine_kit.run_layers import run_layers
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.fusing import FUSED_STEPS
from couler_plugins.runs import Fate, Lookup, Run, StepRun
from couler_plugins.runs.order import CycleError, topological_order
from couler_plugins.runs.usage import message_of
from couler_tekton.attempts import attempts_of, condition_of, seconds_of
from couler_tekton.cache.wrapping import RESTORE
from couler_tekton.documents import objects
from couler_tekton.lift import lift
from couler_tekton.mappings import Mapped
from couler_tekton.run.parts import PART_LABEL, WHOLE_LABEL
from couler_tekton.split.resolved_pipeline import ROOT

OF_RUN, OF_TASK, OF_LIBRARY = "tekton.dev/pipelineRun", "tekton.dev/pipelineTask", "tekton.dev/task"
OF_RUNS = ("taskRunSpecs", "taskRunTemplate", "timeouts")
"""What a PipelineRun says of its pipeline, beside the values of one run."""
READ = re.compile(r"\$\(tasks\.([\w-]+)\.")
LACKING = "its TaskRuns are not here: `kubectl get pipelineruns,taskruns -o json` prints both"
FATES: dict[str, Fate] = {"True": "computed", "False": "failed"}


def runs_in(data: Any) -> list[Run]:
    """The runs that a document tells of: a list of PipelineRuns with their TaskRuns, or one that stands alone.

    The PipelineRuns of the parts of one pipeline are one run. The parents of a task are those of its own PipelineRun
    that it comes after, or reads of. Sizes are those of results: a cluster knows nothing of what is in workspaces.

    Raises:
        InvalidInput: something is not what Tekton writes.
    """
    documents = [
        item.data for item in objects(data) if item.kind in ("PipelineRun", "TaskRun") and status_in(item.data)
    ]
    tasks: dict[tuple[str, str], list[Mapped]] = {}
    wholes: dict[tuple[str, str], list[Mapped]] = {}
    for thing in documents:
        labels, (namespace, name) = _labels(thing), _place(thing)
        if thing["kind"] == "TaskRun":
            tasks.setdefault((namespace, str(labels.get(OF_RUN))), []).append(thing)
        else:
            wholes.setdefault((namespace, str(labels.get(WHOLE_LABEL, name))), []).append(thing)
    try:
        runs = (_run(parts, tasks) for parts in wholes.values())
        return sorted((run for run in runs if run is not None), key=lambda run: (run.family, run.at))
    except (TypeError, ValueError, KeyError, AttributeError, CycleError) as error:
        message = f"a status is not what Tekton writes ({type(error).__name__}: {error!s:.100})"
        hint = "take it from `kubectl get pipelineruns,taskruns -o json`"
        raise InvalidInput(message, engine="tekton", hint=hint) from error


def _run(parts: list[Mapped], tasks: Mapping[tuple[str, str], list[Mapped]]) -> Run | None:
    """One run, of one PipelineRun or of those of its parts."""
    parts = sorted(parts, key=lambda run: str(status_in(run).get("startTime")))
    steps: list[StepRun] = []
    for part in parts:
        steps += _steps(part, tasks.get(_place(part), []), len(steps))
    members = [task for part in parts for task in tasks.get(_place(part), ())]
    conditions = [condition_of(status_in(part)) for part in parts]
    said = [str(one.get("message") or "") for one in conditions if one.get("status") == "False"]
    if not (steps or said):
        return None
    alone = (status_in(part) for part in parts if _place(part) not in tasks)
    children = (child for status in alone for child in status.get("childReferences") or ())
    if said and any(child.get("kind") == "TaskRun" for child in children):
        said.append(LACKING)
    ends = [seconds_of(status_in(part).get("completionTime")) for part in parts]
    return Run(
        family=_family(parts[0]),
        name=str(parts[0]["metadata"].get("name") or ""),
        engine="tekton",
        uid=str(parts[0]["metadata"].get("uid") or ""),
        version=_version(parts),
        layers=_layers(parts),
        engine_version=next((text for run in [*parts, *members] if (text := _release(run))), ""),
        steps=tuple(steps),
        whole=not said,
        running=any(one.get("status") == "Unknown" for one in conditions),
        message=message_of("; ".join(filter(None, said))),
        at=max((end or 0.0 for end in ends), default=0.0),
    )


def _version(parts: list[Mapped]) -> str:
    """A hash of what was written; a pipeline of the cluster is in the status with the values of the run in it."""
    sources = [
        part.get("spec", {}).get("pipelineSpec") or (status_in(part).get("provenance") or {}).get("refSource")
        for part in parts
    ]
    return digest(sources) if all(sources) else ""


def _layers(parts: list[Mapped]) -> dict[str, str]:
    """What optimizers had set; of one pipeline that its run holds. Values and names of the run are left out."""
    spec = {key: parts[0].get("spec", {}).get(key) for key in ("pipelineSpec", *OF_RUNS)}
    if len(parts) > 1 or not spec["pipelineSpec"]:
        return {}
    fields = {key: content for key, content in spec.items() if content is not None}
    run = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "spec": fields}
    return run_layers(lift, run, parts[0]["metadata"].get("annotations"))


def _release(run: Mapped) -> str:
    return str((run["metadata"].get("annotations") or {}).get("pipeline.tekton.dev/release") or "")


def _family(run: Mapped) -> str:
    """The name that all runs share: that of the Pipeline, or of the run without what is random."""
    metadata, named = run["metadata"], (run.get("spec", {}).get("pipelineRef") or {}).get("name")
    part = _labels(run).get(PART_LABEL)
    if named and part:
        return str(named).removesuffix(f"-{part}")
    return str(named or str(metadata.get("generateName") or "").rstrip("-.") or metadata.get("name", ""))


def _steps(run: Mapped, tasks: list[Mapped], before: int) -> Iterator[StepRun]:
    """The steps of one PipelineRun, in a topological order, by their ends where that leaves a choice."""
    status = status_in(run)
    spec = status.get("pipelineSpec") or run.get("spec", {}).get("pipelineSpec") or {}
    every = (*(spec.get("tasks") or ()), *(spec.get("finally") or ()))
    careless = {str(task.get("name")) for task in every if task.get("onError") == "continue"}
    needs = {str(task.get("name")): {*(task.get("runAfter") or ()), *READ.findall(json.dumps(task))} for task in every}
    ran: list[tuple[str, Mapped | None]] = [(str(_labels(item).get(OF_TASK)), item) for item in tasks]
    ran += [(str(item.get("name")), None) for item in status.get("skippedTasks") or ()]
    last = "9999"  # what goes on ends after everything that has ended
    ran.sort(key=lambda item: (str(status_in(item[1] or {}).get("completionTime") or last), item[0]))
    places: dict[str, list[int]] = {}
    for place, (task, _) in enumerate(ran):
        places.setdefault(task, []).append(place)
    parents = [sorted({at for name in needs.get(task, ()) for at in places.get(name, ())}) for task, _ in ran]
    order = topological_order(parents)
    position = {old: new for new, old in enumerate(order)}
    keys: list[str] = []
    for old in order:
        task, item = ran[old]
        above = tuple(sorted(position[parent] for parent in parents[old]))
        number = places[task].index(old) if len(places[task]) > 1 else None
        ran_step = _ran(
            task,
            number,
            item,
            tuple(before + parent for parent in above),
            [keys[parent] for parent in above],
            may_fail=task in careless,
        )
        keys.append(ran_step.key)
        yield ran_step


def _ran(
    task: str, number: int | None, run: Mapped | None, parents: tuple[int, ...], keys: list[str], *, may_fail: bool
) -> StepRun:
    """One TaskRun; None for a task that was skipped. Several of one task are those of its matrix, by their numbers.

    What our first step restored was loaded: what that took says nothing of computing it. Who is cancelled counts as
    that, whatever may fail (`getPipelineTasksCount` of pipelinerunstate.go).
    """
    site = f"{ROOT}/{task}"
    status, spec_of_run = status_in(run or {}), (run or {}).get("spec") or {}
    spec = digest(
        ["tekton", status.get("taskSpec") or spec_of_run.get("taskRef") or task, spec_of_run.get("params") or []]
    )
    fate: Fate = "skipped" if run is None else FATES.get(str(condition_of(status).get("status")), "pending")
    started, ended = seconds_of(status.get("startTime")), seconds_of(status.get("completionTime"))
    took = ended - started if started is not None and ended is not None and started <= ended else None
    lookup = _lookup(status, started, took)
    marks = (run or {}).get("metadata", {}).get("annotations") or {}
    reference = spec_of_run.get("taskRef") or {}  # by a resolver, it has no name: a label has that of what was found
    library = str((_labels(run or {}).get(OF_LIBRARY) or reference.get("name") or "") if reference else "")
    if fate == "computed" and lookup is not None and lookup.hit:
        fate = "loaded"
    return StepRun(
        step=site if number is None else f"{site}({number})",
        site=site,
        type=library or site,
        library=library,
        fused=tuple(str(marks[FUSED_STEPS]).split(",")) if marks.get(FUSED_STEPS) else (),
        spec=spec,
        key=(lookup.key if lookup is not None else "") or digest([spec, *keys]),
        parents=parents,
        seconds=0.0 if run is None else took if fate == "computed" else None,
        bytes=0 if run is None else _bytes(status) if fate in ("computed", "loaded") else None,
        artifact=run is not None,
        attempts=1 + len(status.get("retriesStatus") or ()),
        tries=attempts_of(run) if run is not None and fate != "loaded" else (),
        fate=fate,
        tolerated=may_fail and fate == "failed" and condition_of(status).get("reason") != "TaskRunCancelled",
        lookup=lookup,
    )


def _bytes(status: Mapped) -> int:
    return len(json.dumps(status.get("results") or []))


def _lookup(status: Mapped, began: float | None, took: float | None) -> Lookup | None:
    """What the first step of a wrapped task answered, by its results; nothing where that step has failed."""
    steps = (status.get("taskSpec") or {}).get("steps") or ()
    if not any(step.get("name") == RESTORE for step in (*steps, *(status.get("steps") or ()))):
        return None
    states = (step for step in status.get("steps") or () if step.get("name") == RESTORE)
    results = {item["name"]: item.get("value") for state in states for item in state.get("results") or ()}
    hit = {"true": True, "false": False}.get(str(results.get("hit")))
    return Lookup(hit=hit, key=str(results.get("key") or ""), began=began, seconds=took)


def _place(thing: Mapped) -> tuple[str, str]:
    return str(thing["metadata"].get("namespace")), str(thing["metadata"].get("name"))


def _labels(run: Mapped) -> Mapped:
    return run.get("metadata", {}).get("labels") or {}
