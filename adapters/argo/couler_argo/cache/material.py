"""What a template is, as far as its result depends on it: everything but a named list, with all defaults applied.

Sources: `pkg/apis/workflow/v1alpha1` (Template, WorkflowSpec) for the fields; `workflow/util/merge.go` for how
templateDefaults come in; `workflow/controller` for which fields of the spec reach a pod.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from couler_argo.codec import Context
from couler_argo.documents import rest_of, spec_of
from couler_argo.memory_patch import GROWN, OURS
from couler_argo.ports import LOCATIONS
from couler_argo.references import native
from couler_argo.templates import OPERATION
from couler_plugins.documents.mappings import Mapped, entries, mapping_at, texts_in
from couler_plugins.ir import (
    Graph,
    Literal,
    Operation,
    Output,
    Reference,
    Template,
    Workflow,
    references,
    replace,
    without_origin,
)

NOT_IN_TEMPLATE = frozenset(
    {
        *("name", "metadata", "metrics", "memoize", "synchronization", "parallelism", "failFast"),
        *("retryStrategy", "timeout", "activeDeadlineSeconds", "daemon"),
        *("nodeSelector", "affinity", "tolerations", "schedulerName", "priority", "priorityClassName"),
        "volumes",
    }
)
"""What of a template its result does not depend on. Volumes that a container mounts are forbidden or empty."""

NOT_IN_SPEC = frozenset(
    {
        *("templates", "entrypoint", "workflowTemplateRef", "arguments", "onExit", "hooks", "templateDefaults"),
        *("parallelism", "ttlStrategy", "podGC", "podDisruptionBudget", "activeDeadlineSeconds", "retryStrategy"),
        *("nodeSelector", "affinity", "tolerations", "schedulerName", "priority", "podPriorityClassName"),
        *("podPriority", "synchronization", "metrics", "workflowMetadata", "podMetadata", "suspend", "shutdown"),
        *("executor", "volumes", "volumeClaimTemplates", "volumeClaimGC", "artifactGC", "archiveLogs"),
        *("serviceAccountName", "imagePullSecrets"),
    }
)
"""What of a workflow's spec a template's result does not depend on, or what is hashed when it runs."""

JOINED = "couler.io/default"
"""Marks what a default adds to a list that the template has as well."""

NAMESPACE = Reference(to="run", name="workflow", path=("namespace",))
"""Files are in the artifact repository of a namespace, but all namespaces share the entries: every key covers it."""
SERVICE_ACCOUNT = Reference(to="run", name="workflow", path=("serviceAccountName",))
"""It decides what a pod may read, and can be overridden when a workflow is submitted: every key covers it."""


def content_of(workflow: Workflow, operation: Operation, spec: Mapped) -> Mapped:
    """What a template is, and what of the spec reaches its pod.

    Args:
        workflow: the workflow that the template is in.
        operation: the template.
        spec: what `spec_of` gives.
    """
    own = OPERATION.write(without_origin(replace(operation, memoized=None, retry=None, timeout=None)), Context())
    defaults = spec.get("templateDefaults")
    template = _merged(defaults, own) if isinstance(defaults, dict) else own
    content = {key: part for key, part in template.items() if key not in NOT_IN_TEMPLATE and not _is_empty(part)}
    if any(form.fullmatch(str(content.get("podSpecPatch"))) for form in (OURS, GROWN)):
        del content["podSpecPatch"]
    for key in {"container", "script"} & content.keys():
        content[key] = _without_resources(content[key])
    for key in ("initContainers", "sidecars"):
        if isinstance(content.get(key), list):
            content[key] = [_without_resources(item) for item in content[key]]
    for key in ("inputs", "outputs"):
        if isinstance(content.get(key), dict):
            content[key] = {name: _ports(ports) for name, ports in content[key].items() if not _is_empty(ports)}
    if isinstance(content.get("archiveLocation"), dict):
        content["archiveLocation"] = {key: _without_key(part) for key, part in content["archiveLocation"].items()}
    content = {key: part for key, part in content.items() if not _is_empty(part)}
    around = {key: part for key, part in spec.items() if key not in NOT_IN_SPEC and not _is_empty(part)}
    return {"template": content, "spec": around}


def without_places(content: Mapped) -> Mapped:
    """What `content_of` gives without the places that its input artifacts come from."""
    template = content["template"]
    inputs = template.get("inputs")
    ports = inputs.get("artifacts") if isinstance(inputs, dict) else None
    if not isinstance(ports, list) or not all(isinstance(port, dict) for port in ports):
        return content
    artifacts = [{key: part for key, part in port.items() if key not in LOCATIONS} for port in ports]
    return {**content, "template": {**template, "inputs": {**inputs, "artifacts": artifacts}}}


def repeats_inputs(output: Output) -> bool:
    """Whether Argo knows an output parameter before the template runs: it has a value, and no place that it is at."""
    return output.kind == "parameter" and output.value is None and isinstance(rest_of(output).get("value"), str)


def without_defaults(content: Mapped, names: Collection[str]) -> Mapped:
    """What `content_of` gives without the defaults of these parameters."""
    template = content["template"]
    inputs = mapping_at(template, "inputs")
    if not names or not inputs:
        return content
    ports = entries(inputs, "parameters")
    own = [{**port, "value": None, "default": None} if port.get("name") in names else port for port in ports]
    return {**content, "template": {**template, "inputs": {**inputs, "parameters": own}}}


def reads_of(content: Any) -> tuple[Reference, ...]:
    """Everything that is looked up at run time in a structure, each once, sorted."""
    leaves = {without_origin(item) for item in references(native(content))}
    return tuple(sorted(leaves, key=lambda item: (item.to, item.name, item.path, item.step, item.kind)))


def hashed_values(workflow: Workflow, item: Graph | Operation) -> list[Reference]:
    """What the key of a template is made of when it runs: its parameters by name, then what it reads of the run."""
    ports = sorted(port.name for port in item.inputs if port.kind == "parameter")
    read: list[Reference] = []
    if isinstance(item, Operation):
        content = content_of(workflow, item, spec_of(workflow))
        read = [reference for reference in reads_of(content) if reference.to == "parameter"]
    return [*(Reference(to="input", kind="parameter", name=name) for name in ports), NAMESPACE, *read, SERVICE_ACCOUNT]


def _merged(defaults: Mapped, own: Mapped) -> Mapped:
    """The template over its defaults. Lists that both have stand side by side, however Argo joins them."""
    merged = dict(defaults)
    for key, part in own.items():
        before = defaults.get(key)
        if isinstance(before, dict) and isinstance(part, dict):
            merged[key] = _merged(before, part)
        elif isinstance(before, list) and isinstance(part, list):
            merged[key] = [*part, {JOINED: before}]
        else:
            merged[key] = part
    return merged


def _without_resources(container: Any) -> Any:
    return (
        {key: part for key, part in container.items() if key != "resources"}
        if isinstance(container, dict)
        else container
    )


def _without_key(place: Any) -> Any:
    """A repository without the key in it, under which each run has its own."""
    return {key: part for key, part in place.items() if key != "key"} if isinstance(place, dict) else place


def _ports(ports: Any) -> Any:
    """Ports sorted by name, without what garbage collection does with them later."""
    if not isinstance(ports, list) or not all(isinstance(port, dict) for port in ports):
        return ports
    kept = [{key: part for key, part in port.items() if key not in ("artifactGC", "description")} for port in ports]
    return sorted(kept, key=lambda port: str(port.get("name")))


def _is_empty(part: Any) -> bool:
    return part is None or part in ({}, [])


def programs(template: Mapped, spec: Mapped) -> Iterator[str]:
    """Every text in the containers of a template, and the patches of its pod."""
    containers = [template.get(key) for key in ("container", "script", "containerSet", "initContainers", "sidecars")]
    return texts_in([*containers, template.get("podSpecPatch"), spec.get("podSpecPatch")], "name", "resources")


def mutable_images(operation: Operation) -> Iterator[str]:
    """Return why each image of a template may be another one tomorrow."""
    for container in operation.containers:
        image = container.image
        if isinstance(image, Literal) and isinstance(image.value, str) and "@sha256:" not in image.value:
            yield "its image has no digest, and may change"
        elif isinstance(image, Template):
            yield "its image is only known at run time, and may change"
