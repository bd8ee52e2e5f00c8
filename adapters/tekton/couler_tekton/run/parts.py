"""The jobs of a PipelineRun whose pipeline was split: claims, a PipelineRun for each part, and one for the whole.

What a part is given is known once others are done: until then its job holds what its parameters refer to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from couler_plugins.documents.mappings import without
from couler_plugins.engine_kit.kubernetes.calls import Mapped
from couler_plugins.engine_kit.kubernetes.naming import LONGEST
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.running import Job
from couler_tekton.split.resolved_pipeline import started_by

PART_LABEL, WHOLE_LABEL = "couler.io/part", "couler.io/whole"
READ = re.compile(
    r"\$\((?:tasks|finally)\.(?P<task>[\w-]+)\.results(?:\.(?P<plain>[\w-]+)|\[\"(?P<quoted>[^\"]+)\"\])(?:\[\*\])?\)"
)
"""A parameter of a part that is a result of another one, all of it."""
WITHIN = re.compile(
    r"\$\((?:tasks|finally)\.(?P<task>[\w-]+)\.results(?:\.(?P<plain>[\w-]+)|\[\"(?P<quoted>[^\"]+)\"\])"
    r"(?:\[(?P<index>\d+|\*)\]|\.(?P<key>[\w.-]+))?\)"
)
"""A result of a part, or an item of one, anywhere in a result of the whole."""
PARAMETER = re.compile(r"\$\(params(?:\.(?P<plain>[\w-]+)|\[\"(?P<quoted>[^\"]+)\"\])(?:\[\*\])?\)")
STATUS = "$(tasks.status)"
DIGITS = 8
RUNS_ITS_OWN = ("pipelineSpec", "pipelineRef", "params", "workspaces", "taskRunSpecs")
"""What a part does not have as the whole has it."""


class Asking(NamedTuple):
    """What is asked of one PipelineRun.

    Attributes:
        run: the document, with its name, its namespace and its parameters.
        spec: its pipeline, whose tasks stand for parts.
        pipelines: the specs of Pipelines that are here, by name.
        needs: what is put in place before anything runs.
    """

    run: Mapped
    spec: Mapped
    pipelines: Mapping[str, Mapped]
    needs: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the run."""
        return str(self.run["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Of the run."""
        return str(self.run["metadata"]["namespace"])


def part_tasks(spec: Mapped, key: str) -> dict[str, Mapped]:
    """The tasks under a key of a pipeline that stand for parts, by name."""
    tasks = {task["name"]: task for task in spec.get(key) or () if isinstance(task, dict) and "name" in task}
    return {name: task for name, task in tasks.items() if started_by(task)}


def jobs_of_parts(asking: Asking) -> Iterator[Job]:
    """The jobs, each after what it needs.

    Raises:
        InvalidInput: a part is missing, or something is not as it was split.
    """
    main, last = (part_tasks(asking.spec, key) for key in ("tasks", "finally"))
    _refuse_mixed(asking, main, last)
    claims = dict(_claims(asking, [*main.values(), *last.values()]))
    yield from claims.values()
    ready = (*asking.needs, *(job.name for job in claims.values()))
    jobs: dict[str, Job] = {}
    for name in _ordered(main):
        before = tuple(jobs[other].name for other in _needed(main[name]))
        jobs[name] = _job(asking, main[name], claims, (*ready, *before), jobs, always=False)
    ran = tuple(job.name for job in jobs.values())
    for name, task in last.items():
        jobs[name] = _job(asking, task, claims, (*ready, *ran), jobs, always=True)
    yield from jobs.values()
    results = {str(item["name"]): item.get("value") for item in asking.spec.get("results") or ()}
    place = f"{asking.namespace}/{asking.name}"
    yield Job(
        name=f"Whole {place}",  # no object of the cluster: there are those of its parts only
        place=place,
        needs=tuple(job.name for job in jobs.values()),
        runs=True,
        content={"results": results, "places": {name: job.place for name, job in jobs.items()}},
    )


def _refuse_mixed(asking: Asking, main: Mapped, last: Mapped) -> None:
    every = [*(asking.spec.get("tasks") or ()), *(asking.spec.get("finally") or ())]
    if len(every) != len(main) + len(last):
        message = f"{asking.name!r} has tasks of its own beside its parts"
        raise InvalidInput(message, engine="tekton", hint="split the pipeline again, from its original")
    for task in (*main.values(), *last.values()):
        if started_by(task) not in asking.pipelines:
            message = f"the part {started_by(task)!r} of {asking.name!r} is not here"
            hint = "give all that split has written: it is among the documents that it has added"
            raise InvalidInput(message, engine="tekton", hint=hint)


def _needed(task: Mapped) -> list[str]:
    """The parts that one comes after, or reads of."""
    read = [match["task"] for item in task.get("params") or () if (match := _read(item.get("value")))]
    return list(dict.fromkeys([*(task.get("runAfter") or ()), *read]))


def _read(value: Any) -> re.Match[str] | None:
    return READ.fullmatch(value) if isinstance(value, str) else None


def _ordered(tasks: Mapping[str, Mapped]) -> list[str]:
    try:
        order = list(TopologicalSorter({name: _needed(task) for name, task in tasks.items()}).static_order())
    except CycleError as error:
        raise InvalidInput("parts wait for each other in a circle", engine="tekton", hint="split it again") from error
    if unknown := [name for name in order if name not in tasks]:
        raise InvalidInput(f"there is no part {unknown[0]!r}", engine="tekton", hint="split the pipeline again")
    return order


def _claims(asking: Asking, tasks: Sequence[Mapped]) -> Iterator[tuple[str, Job]]:
    """Claims in the place of templates of claims that several parts use, by the name of the workspace: a claim made
    from a template would end with the run that made it.
    """
    for workspace in asking.run["spec"].get("workspaces") or ():
        template, name = workspace.get("volumeClaimTemplate"), str(workspace.get("name"))
        if not isinstance(template, dict) or sum(name in _bound(task) for task in tasks) < 2:
            continue
        metadata = {
            **{key: held for key, held in (template.get("metadata") or {}).items() if key in ("labels", "annotations")},
            "name": named_after(asking.name, name),
            "namespace": asking.namespace,
        }
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            **asking.run["metadata"]["labels"],
            WHOLE_LABEL: asking.name,
        }
        content = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": template.get("spec") or {},
        }
        place = f"{asking.namespace}/{metadata['name']}"
        yield name, Job(name=f"PersistentVolumeClaim {place}", place=place, needs=asking.needs, content=content)


def _bound(task: Mapped) -> dict[str, str]:
    """The workspaces of a part by the name that they have in the whole."""
    uses = [item for item in task.get("workspaces") or () if isinstance(item, dict)]
    return {str(item.get("workspace") or item.get("name")): str(item.get("name")) for item in uses}


def _job(
    asking: Asking,
    task: Mapped,
    claims: Mapping[str, Job],
    needs: tuple[str, ...],
    jobs: Mapping[str, Job],
    always: bool,
) -> Job:
    part, whole = started_by(task), asking.run["spec"]
    tasks = {item.get("name") for item in asking.pipelines[part].get("tasks") or ()}
    specs = [item for item in whole.get("taskRunSpecs") or () if item.get("pipelineTaskName") in tasks]
    workspaces = list(_workspaces(asking, task, claims))
    metadata = dict(asking.run["metadata"])
    metadata["name"] = named_after(asking.name, task["name"])
    metadata["labels"] = {**metadata["labels"], PART_LABEL: task["name"], WHOLE_LABEL: asking.name}
    document = {
        "apiVersion": asking.run["apiVersion"],
        "kind": "PipelineRun",
        "metadata": metadata,
        "spec": {
            "pipelineRef": {"name": part},
            **without(whole, *RUNS_ITS_OWN),
            **({"workspaces": workspaces} if workspaces else {}),
            **({"taskRunSpecs": specs} if specs else {}),
        },
    }
    values = _known(asking)
    params = {str(item["name"]): _value(item.get("value"), values, asking) for item in task.get("params") or ()}
    place = f"{asking.namespace}/{metadata['name']}"
    content = {
        "document": document,
        "pipeline": asking.pipelines[part],
        "params": params,
        "places": {name: job.place for name, job in jobs.items()},
    }
    return Job(name=f"PipelineRun {place}", place=place, needs=needs, runs=True, always=always, content=content)


def _workspaces(asking: Asking, task: Mapped, claims: Mapping[str, Job]) -> Iterator[Mapped]:
    bindings = {str(item.get("name")): item for item in asking.run["spec"].get("workspaces") or ()}
    for name, inner in _bound(task).items():
        if name in claims:
            claim = {"claimName": claims[name].content["metadata"]["name"]}
            yield {**without(bindings[name], "volumeClaimTemplate"), "name": inner, "persistentVolumeClaim": claim}
        elif name in bindings:  # an optional one may be left out
            yield {**bindings[name], "name": inner}


def _known(asking: Asking) -> Mapped:
    """The values of the whole's parameters."""
    declared = {
        str(item["name"]): item["default"]
        for item in asking.spec.get("params") or ()
        if item.get("default") is not None
    }
    values = {str(item["name"]): item.get("value") for item in asking.run["spec"].get("params") or ()}
    return {**declared, **values}


def _value(value: Any, values: Mapped, asking: Asking) -> Any:
    """What a parameter of a part is, as far as it is known by now."""
    if not isinstance(value, str) or _read(value) or value == STATUS or "$(" not in value:
        return value
    if match := PARAMETER.fullmatch(value):
        name = match["plain"] or match["quoted"]
        if name not in values:
            hint = f"give it a value: --parameter {name}=VALUE"
            raise InvalidInput(f"{asking.name!r} has no value for its parameter {name!r}", engine="tekton", hint=hint)
        return values[name]
    called = (asking.run["spec"].get("pipelineRef") or {}).get("name", asking.name)
    facts = {"$(context.pipelineRun.name)": asking.name, "$(context.pipeline.name)": called}
    if value not in facts:
        raise InvalidInput(f"{value!r:.60} is nothing that a part is given", engine="tekton", hint="split it again")
    return facts[value]


def named_after(whole: str, what: str) -> str:
    """A name for what belongs to a run, which follows from that of the run; where both are too long, by a digest."""
    name = f"{whole}-{what}"
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGITS]
    return f"{name[: LONGEST - DIGITS - 1].rstrip('-.')}-{digest}"
