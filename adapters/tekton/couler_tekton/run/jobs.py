"""Jobs of a bundle: which documents are put in place, and which runs are created after that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from couler_plugins.engine_kit.kubernetes.calls import Mapped
from couler_plugins.engine_kit.kubernetes.naming import as_written, check_named, check_run, each_object, identify, place
from couler_plugins.engine_kit.kubernetes.objects import SIDE, Kind
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Job, Request
from couler_tekton.kinds import KINDS
from couler_tekton.run.parts import Asking, jobs_of_parts, part_tasks

PLURALS = {
    "StepAction": "stepactions",
    "Task": "tasks",
    "Pipeline": "pipelines",
    "TaskRun": "taskruns",
    "PipelineRun": "pipelineruns",
}
ORDER = (*SIDE, *PLURALS)
"""In the order in which they are submitted: what others refer to comes first."""
PIPELINE_RUN, TASK_RUN = (Kind(("tekton.dev", "v1"), PLURALS[kind]) for kind in ("PipelineRun", "TaskRun"))
HINTS = {404: "is Tekton installed there, and does the namespace exist?"}
"""What to do where the cluster refuses something, by HTTP status."""


def kind_of(document: Any) -> Kind:
    """How the API server calls the kind of a document.

    Raises:
        Unsupported: nobody submits such a document.
    """
    name, version = (document.get(key) if isinstance(document, dict) else None for key in ("kind", "apiVersion"))
    if name in SIDE and version == SIDE[name].api_version:
        return SIDE[name]
    if name in PLURALS and version in KINDS[name].versions:
        group, _, number = str(version).partition("/")
        return Kind((group, number), PLURALS[name])
    message = f"couler does not submit a {name!r:.60} of {version!r:.60}"
    hint = "apply it with kubectl, and leave it out here"
    raise Unsupported(message, engine="tekton", feature="run", hint=hint)


RUNS = ("PipelineRun", "TaskRun")
TASK_RUNS = "taskruns"
"""What stands in the place of a TaskRun before its name: a PipelineRun may have the same."""
KEPT = "couler.io/original"


def jobs_of(documents: Sequence[Any], request: Request, namespace: str, fallback: str) -> list[Job]:
    """The jobs for these documents, which are left as they are.

    Args:
        documents: the data of each.
        request: what else is asked for.
        namespace: where everything goes; empty for where each document says.
        fallback: where a document goes that does not say.

    Raises:
        InvalidInput: a document or a parameter makes no sense, or a part is missing.
        Unsupported: there is a document of another kind.
    """
    check_run(request.run, "tekton")
    things = sorted(_objects(documents), key=lambda thing: ORDER.index(thing["kind"]))
    for thing in things:
        place(thing, namespace, fallback, "tekton")
    pipelines = {thing["metadata"]["name"]: thing["spec"] for thing in things if thing["kind"] == "Pipeline"}
    runs = [thing for thing in things if thing["kind"] in RUNS]
    _set_parameters(runs, things, request)
    jobs = [_side(thing) for thing in things if thing["kind"] not in RUNS and not _starts_parts(thing)]
    needs = tuple(job.name for job in jobs)
    for run in runs:
        identify(run, request.run, "run", "tekton")
        spec = _pipeline(run, pipelines)
        if part_tasks(spec, "tasks"):
            jobs += jobs_of_parts(Asking(run, spec, pipelines, needs))
        else:
            jobs.append(_run(run, needs))
    seen: set[str] = set()
    for job in jobs:
        if job.name in seen:
            raise InvalidInput(f"there are two documents for {job.name}", engine="tekton", hint="remove one of them")
        seen.add(job.name)
    return jobs


def _objects(documents: Sequence[Any]) -> Iterator[Mapped]:
    """Copies of all objects, those in a `kind: List` included; texts that only `couler rollback` reads are left out."""
    for document in each_object(documents):
        kind_of(document)
        check_named(document, document["kind"] in RUNS, "tekton")
        if document["kind"] in ("Pipeline", "Task", *RUNS) and not isinstance(document.get("spec"), dict):
            raise InvalidInput(f"a {document['kind']} has no spec", engine="tekton", hint="the file may be cut off")
        if KEPT not in (document["metadata"].get("labels") or {}):
            yield as_written(document)


def _starts_parts(thing: Mapped) -> bool:
    """Whether this is a Pipeline whose tasks stand for parts: a cluster would take it, and wait in vain."""
    return thing["kind"] == "Pipeline" and bool(part_tasks(thing["spec"], "tasks"))


def _side(thing: Mapped) -> Job:
    where = f"{thing['metadata']['namespace']}/{thing['metadata']['name']}"
    return Job(name=f"{thing['kind']} {where}", place=where, content=thing)


def _run(thing: Mapped, needs: tuple[str, ...]) -> Job:
    namespace, name = thing["metadata"]["namespace"], thing["metadata"]["name"]
    where = f"{namespace}/{TASK_RUNS}/{name}" if thing["kind"] == "TaskRun" else f"{namespace}/{name}"
    content = {"document": thing}
    return Job(name=f"{thing['kind']} {namespace}/{name}", place=where, needs=needs, runs=True, content=content)


def _pipeline(run: Mapped, pipelines: dict[str, Mapped]) -> Mapped:
    """The pipeline of a run, as far as it is here."""
    spec = run["spec"]
    inline = spec.get("pipelineSpec")
    if isinstance(inline, dict):
        return inline
    name = (spec.get("pipelineRef") or {}).get("name") if run["kind"] == "PipelineRun" else None
    return pipelines.get(str(name), {})


def _set_parameters(runs: Sequence[Mapped], things: Sequence[Mapped], request: Request) -> None:
    """Sets the parameters that were asked for, in every run that has them."""
    specs = {(thing["kind"], thing["metadata"].get("name")): thing["spec"] for thing in things if "spec" in thing}
    names: set[str] = set()
    for run in runs:
        kind = str(run["kind"]).removesuffix("Run")
        key = kind.lower()
        reference = run["spec"].get(f"{key}Ref") or {}
        spec = run["spec"].get(f"{key}Spec") or specs.get((kind, reference.get("name")))
        params = {str(item.get("name")): item for item in run["spec"].get("params") or ()}
        declared = {str(item.get("name")): item for item in (spec or {}).get("params") or ()}
        elsewhere = set() if spec is not None else set(request.parameters)  # what it declares is not for us to know
        names |= params.keys() | declared.keys() | elsewhere
        for name, value in request.parameters.items():
            if name not in params.keys() | declared.keys() | elsewhere:
                continue
            value_before = params.get(name, {}).get("value", declared.get(name, {}).get("default", ""))
            if declared.get(name, {}).get("type", "string") != "string" or not isinstance(value_before, str):
                hint = "write its value into the document"
                raise InvalidInput(f"the parameter {name!r} is no text", engine="tekton", hint=hint)
            if name in params:
                params[name]["value"] = value
            else:
                run["spec"].setdefault("params", []).append({"name": name, "value": value})
    if unknown := sorted(request.parameters.keys() - names):
        hint = f"these are known: {', '.join(sorted(names)) or 'none'}"
        raise InvalidInput(f"no run has a parameter {unknown[0]!r:.60}", engine="tekton", hint=hint)
