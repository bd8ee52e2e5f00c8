"""A judge of settings that imports no adapter code: which steps of raw documents could carry one, and which do.

A step is what a person would set it on: an Argo template, a task of a KFP pipeline, of a Tekton pipeline or of an
Airflow DAG. One that the engine gives no pod has no place for requests and labels; those of other files are not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adapters.argo.objects import objects as argo_objects
from adapters.argo.objects import scopes, spec_of
from adapters.tekton.counts import objects as tekton_objects

__all__ = ["LABEL", "SETTINGS", "Place", "bare", "places"]

SETTINGS = ("retry", "timeout", "requests", "label")
LABEL = "team"
"""The label that is looked for."""
Data = Mapping[str, Any]


class Place(NamedTuple):
    """One step.

    Attributes:
        where: its name, for people.
        carries: for each setting that it could carry, whether it does.
    """

    where: str
    carries: Mapping[str, bool]


def places(engine: str, documents: Sequence[Any]) -> list[Place]:
    """Return the steps of one file's documents that could carry any setting; of Airflow, of its serialized DAGs."""
    return list(JUDGES[engine](documents))


def bare(engine: str, documents: Sequence[Any], setting: str) -> list[str]:
    """Return the names of the steps that could carry a setting, and do not."""
    return [place.where for place in places(engine, documents) if place.carries.get(setting) is False]


def _at(data: Any, *path: str) -> Any:
    """Return what stands under a path; an empty mapping where nothing does."""
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return {} if data is None else data


def _labelled(*owners: Any) -> bool:
    return any(LABEL in _at(owner, "metadata", "labels") for owner in owners)


def _sized(resources: Any) -> bool:
    """Return whether a container says what it needs; with limits alone, Kubernetes requests as much."""
    return bool(_at(resources, "requests") or _at(resources, "limits"))


def _argo(documents: Sequence[Any]) -> Iterator[Place]:
    for spec in (spec_of(item) for document in documents for item in argo_objects(document)):
        default = _at(spec, "templateDefaults")
        for scope in scopes(spec):
            template = scope.template
            single = [template[name] for name in ("container", "script") if isinstance(template.get(name), dict)]
            containers = single or _at(template, "containerSet", "containers")
            if containers:
                limits = ("timeout", "activeDeadlineSeconds")
                carries = {
                    "retry": any("retryStrategy" in item for item in (template, default)),
                    "timeout": any(item.get(name) for item in (template, default) for name in limits),
                    "requests": all(_sized(container.get("resources")) for container in containers),
                    "label": _labelled(template, default) or LABEL in _at(spec, "podMetadata", "labels"),
                }
                yield Place("/".join(scope.path), carries)


SIZES = ("cpuRequest", "memoryRequest", "resourceCpuRequest", "resourceMemoryRequest")
BOUNDS = ("cpuLimit", "memoryLimit", "resourceCpuLimit", "resourceMemoryLimit")


def _kfp(documents: Sequence[Any]) -> Iterator[Place]:
    specs = [_at(item, "spec", "pipelineSpec") if "kind" in item else item for item in documents if item]
    platform: dict[str, Any] = {}
    for spec in [*specs, *(_at(item, "spec", "platformSpec") for item in documents if item and "kind" in item)]:
        platform |= _at(spec, "platforms", "kubernetes", "deploymentSpec", "executors")
    for spec in specs:
        components = _at(spec, "components")
        for graph in (_at(spec, "root"), *components.values()):
            for name, task in _at(graph, "dag", "tasks").items():
                label = _at(components, _at(task, "componentRef").get("name", ""), "executorLabel")
                container = _at(spec, "deploymentSpec", "executors", str(label), "container")
                if container and not str(container.get("image")).startswith("argostub/"):  # KFP's driver runs these
                    own, resources = _at(platform, str(label)), _at(container, "resources")
                    carries = {
                        "retry": "maxRetryCount" in _at(task, "retryPolicy"),
                        "timeout": "activeDeadlineSeconds" in own,
                        "requests": any(resources.get(key) for key in (*SIZES, *BOUNDS)),
                        "label": LABEL in _at(own, "podMetadata", "labels"),
                    }
                    yield Place(name, carries)


def _tekton(documents: Sequence[Any]) -> Iterator[Place]:
    items = [item for document in documents for item in tekton_objects(document)]
    tasks = {item["metadata"].get("name"): item for item in items if item["kind"] == "Task"}
    called: set[str] = set()
    for item in items:
        if item["kind"] in ("Pipeline", "PipelineRun"):
            pipeline = item["spec"] if item["kind"] == "Pipeline" else _at(item, "spec", "pipelineSpec")
            yield from _tekton_tasks(item, pipeline, tasks, called)
        elif item["kind"] == "TaskRun":
            body = _tekton_body(item["spec"], tasks, called)
            if body:
                yield Place(_name(item), _tekton_carries(item["spec"], body, item, _at(item, "spec")))
    for name, task in tasks.items():
        if name not in called and _at(task, "spec", "steps"):
            everything = _tekton_carries({}, task, task)
            yield Place(str(name), {key: everything[key] for key in ("requests", "label")})


def _tekton_tasks(owner: Data, pipeline: Any, tasks: Data, called: set[str]) -> Iterator[Place]:
    own = {item.get("pipelineTaskName"): item for item in _at(owner, "spec", "taskRunSpecs")}
    for site in [*_at(pipeline, "tasks"), *_at(pipeline, "finally")]:
        body = _tekton_body(site, tasks, called)
        if body:
            run = own.get(site.get("name"), {})
            yield Place(f"{_name(owner)}/{site.get('name')}", _tekton_carries(site, body, owner, run))
        yield from _tekton_tasks({"metadata": owner.get("metadata")}, _at(site, "pipelineSpec"), tasks, called)


def _name(item: Data) -> str:
    return str(_at(item, "metadata", "name") or _at(item, "metadata", "generateName"))


def _tekton_body(site: Data, tasks: Data, called: set[str]) -> Any:
    """Return the Task that a call site runs, as an object; nothing where it is in another file, or of another kind."""
    spec, reference = _at(site, "taskSpec"), _at(site, "taskRef")
    if spec:
        return {} if "apiVersion" in spec else {"metadata": spec.get("metadata"), "spec": spec}
    name = reference.get("name")
    if name not in tasks or "resolver" in reference or reference.get("kind", "Task") != "Task":
        return {}
    called.add(name)
    return tasks[name]


def _tekton_carries(site: Data, body: Data, *owners: Data) -> dict[str, bool]:
    spec = body["spec"]
    steps = [step for step in _at(spec, "steps") if "ref" not in step]
    common = [_at(spec, "stepTemplate"), *owners]
    carries = {
        "retry": bool(site.get("retries")),
        "timeout": bool(site.get("timeout")),
        "requests": any(map(_tekton_sized, common)) or all(map(_tekton_sized, steps)),
        "label": _labelled(body, *owners),
    }
    if site.get("onError") == "continue":  # Tekton refuses a task whose failure is ignored and that is tried again
        del carries["retry"]
    return carries


def _tekton_sized(item: Data) -> bool:
    return _sized(item.get("computeResources")) or _sized(item.get("resources"))


def _airflow(documents: Sequence[Any]) -> Iterator[Place]:
    for task in (item["__var"] for document in documents for item in _at(document, "dag", "tasks")):
        fields = {**task, **_at(task, "partial_kwargs")}
        carries = {"retry": bool(fields.get("retries")), "timeout": bool(fields.get("execution_timeout"))}
        pod = _at(fields, "executor_config", "__var", "pod_override", "__var")
        described = any(fields.get(name) for name in ("pod_template_file", "pod_template_dict"))  # it may say anything
        if "container_resources" in task["template_fields"] and not described:
            labels = _at(fields, "labels")
            resources = fields.get("container_resources")
            carries |= {
                # Of a mapped operator Airflow serializes the text of what the resources are.
                "requests": "requests': {" in resources if isinstance(resources, str) else _sized(resources),
                "label": LABEL in _at(labels, "__var") or LABEL in labels,
            }
        elif pod:
            first = [*_at(pod, "spec", "containers")][:1]  # Airflow merges it into the worker's
            carries |= {
                "requests": any(_sized(item.get("resources")) for item in first),
                "label": _labelled(pod),
            }
        yield Place(str(task["task_id"]), carries)


JUDGES: Mapping[str, Callable[[Sequence[Any]], Iterator[Place]]] = {
    "airflow": _airflow,
    "argo": _argo,
    "kfp": _kfp,
    "tekton": _tekton,
}
