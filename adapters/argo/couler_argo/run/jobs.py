"""Jobs of a bundle: which documents are put in place, and which workflows are created after that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_argo.documents import SPEC_PATHS
from couler_argo.split.part_spec import RUN_ID
from couler_plugins.documents.mappings import Mapped, part_at
from couler_plugins.engine_kit.kubernetes.naming import as_written, check_named, check_run, each_object, identify, place
from couler_plugins.engine_kit.kubernetes.objects import SIDE, Kind
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Job, Request

ARGO = ("argoproj.io", "v1alpha1")
WORKFLOW = Kind(ARGO, "workflows")
KINDS = {
    **SIDE,
    "ClusterWorkflowTemplate": Kind(ARGO, "clusterworkflowtemplates", cluster=True),
    "WorkflowTemplate": Kind(ARGO, "workflowtemplates"),
    "CronWorkflow": Kind(ARGO, "cronworkflows"),
    "Workflow": WORKFLOW,
}
"""In the order in which they are submitted: what others refer to comes first."""
HINTS = {404: "is Argo Workflows installed there, and does the namespace exist?"}
"""What to do where the cluster refuses something, by HTTP status."""


OF_CONTROLLER = frozenset({"workflows.argoproj.io/completed", "workflows.argoproj.io/phase"})
"""Labels by which Argo's controller leaves a workflow alone."""


def jobs_of(documents: Sequence[Any], request: Request, namespace: str, fallback: str) -> list[Job]:
    """The jobs for these documents, which are left as they are.

    Args:
        documents: the data of each.
        request: what else is asked for.
        namespace: where everything goes; empty for where each document says.
        fallback: where a document goes that does not say.

    Raises:
        InvalidInput: a document or a parameter makes no sense.
        Unsupported: there is a document of another kind.
    """
    check_run(request.run, "argo")
    objects = sorted(_objects(documents), key=lambda thing: list(KINDS).index(thing["kind"]))
    _set_parameters(objects, request)
    jobs: list[Job] = []
    for thing in objects:
        if not KINDS[thing["kind"]].cluster:
            place(thing, namespace, fallback, "argo")
        runs = thing["kind"] == "Workflow"
        if runs:
            identify(thing, request.run, "workflow", "argo")
        where = "/".join(filter(None, (thing["metadata"].get("namespace"), thing["metadata"]["name"])))
        name = f"{thing['kind']} {where}"
        if any(job.name == name for job in jobs):
            raise InvalidInput(f"there are two documents for {name}", engine="argo", hint="remove one of them")
        needs = tuple(job.name for job in jobs if not job.runs) if thing["kind"] in ("CronWorkflow", "Workflow") else ()
        jobs.append(Job(name=name, place=where, needs=needs, runs=runs, content=thing))
    return jobs


def memoizes(thing: Mapping[str, Any]) -> bool:
    """Whether a template of an object has its results kept by Argo."""
    try:
        templates = part_at(thing, SPEC_PATHS[thing["kind"]])["templates"]
    except (KeyError, TypeError):
        return False
    return any(isinstance(item, dict) and "memoize" in item for item in templates or ())


def _objects(documents: Sequence[Any]) -> Iterator[Mapped]:
    """Copies of all objects, those in a `kind: List` included."""
    for document in each_object(documents):
        kind, version = (document.get(key) if isinstance(document, dict) else None for key in ("kind", "apiVersion"))
        kind_of = KINDS.get(str(kind))
        if kind_of is None or version != kind_of.api_version:
            message = f"couler does not submit a {kind!r:.60} of {version!r:.60}"
            raise Unsupported(
                message, engine="argo", feature="run", hint="apply it with kubectl, and leave it out here"
            )
        check_named(document, kind == "Workflow", "argo")
        yield as_written(document, OF_CONTROLLER)


def _set_parameters(things: Sequence[Mapped], request: Request) -> None:
    """Sets the parameters that were asked for, and the identity of the run where a workflow asks for it."""
    if RUN_ID in request.parameters:
        raise InvalidInput(f"{RUN_ID} is the identity of the run", engine="argo", hint="give --run-id")
    libraries = {thing["metadata"]["name"]: thing for thing in things if thing["kind"] == "WorkflowTemplate"}
    workflows = [thing for thing in things if thing["kind"] == "Workflow"]
    names: set[str] = set()
    for thing in workflows:
        declared = _declared(thing)
        reference = thing["spec"].get("workflowTemplateRef") if isinstance(thing.get("spec"), dict) else None
        name = reference.get("name") if isinstance(reference, dict) else None
        elsewhere = name is not None and name not in libraries  # what it declares is not for us to know
        declared = {**(_declared(libraries[name]) if name in libraries else {}), **declared}
        names |= declared.keys() | (request.parameters.keys() if elsewhere else set())
        wanted = {key: value for key, value in request.parameters.items() if elsewhere or key in declared}
        if RUN_ID in declared and not declared[RUN_ID]:
            wanted[RUN_ID] = request.run
        _assign(thing, wanted)
    if unknown := sorted(request.parameters.keys() - names):
        hint = f"it has {', '.join(sorted(names - {RUN_ID})) or 'none'}"
        raise InvalidInput(f"no workflow has a parameter {unknown[0]!r:.60}", engine="argo", hint=hint)


def _declared(thing: Mapped) -> dict[str, Any]:
    """The parameters that an object's spec declares, with their values."""
    try:
        listed = part_at(thing, SPEC_PATHS[thing["kind"]])["arguments"]["parameters"]
        return {str(item["name"]): item.get("value") for item in listed}
    except (AttributeError, KeyError, TypeError):
        return {}


def _assign(thing: Mapped, values: Mapping[str, str]) -> None:
    if not values:
        return
    arguments = thing["spec"].setdefault("arguments", {})
    parameters = arguments.setdefault("parameters", [])
    for item in parameters:
        if item["name"] in values:
            item.pop("valueFrom", None)
            item["value"] = values[item["name"]]
    own = {item["name"] for item in parameters}
    parameters.extend({"name": name, "value": value} for name, value in values.items() if name not in own)
