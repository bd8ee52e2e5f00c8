"""What the types of the IR leave open, and adapters rely on: the words of fields, and what natives look like.

In a workflow of no engine, these are in the words of Argo's manifests and of Kubernetes (`couler_plugins.authoring`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.legalize.depends import OUTCOMES
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import (
    Container,
    EnvVar,
    Graph,
    Native,
    Need,
    Node,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    nodes,
    references,
    replace,
)

# What natives look like in a workflow of no engine. Fields that are not named here may hold anything.

Texts = dict[str, str]


class Metadata(msgspec.Struct, rename="camel"):
    """What objects are labelled with."""

    labels: Texts = {}
    annotations: Texts = {}


class Named(msgspec.Struct, rename="camel"):
    """Something that is referred to by its name."""

    name: str


class Spec(msgspec.Struct, rename="camel"):
    """What holds for a run: the part of Argo's WorkflowSpec that is about no template."""

    active_deadline_seconds: int | None = None
    ttl_strategy: Mapped = {}
    service_account_name: str = ""
    image_pull_secrets: list[Named] = []
    tolerations: list[Mapped] = []
    node_selector: Texts = {}
    dns_policy: str = ""
    dns_config: Mapped = {}
    security_context: Mapped = {}
    volumes: list[Named] = []
    volume_claim_templates: list[Mapped] = []


class CronSpec(Spec, rename="camel"):
    """The same of a run that starts by itself: Argo's CronWorkflowSpec around it."""

    schedule: str = ""
    schedules: list[str] = []
    timezone: str = ""
    concurrency_policy: str = ""
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None
    suspend: bool = False
    workflow_spec: Spec = msgspec.field(default_factory=Spec)


class Run(msgspec.Struct, rename="camel"):
    """What is said of runs."""

    metadata: Metadata = msgspec.field(default_factory=Metadata)
    spec: CronSpec = msgspec.field(default_factory=CronSpec)


class Mount(msgspec.Struct, rename="camel"):
    """Where a container sees a volume."""

    name: str
    mount_path: str
    read_only: bool = False


class InContainer(msgspec.Struct, rename="camel"):
    """What Kubernetes says of containers beyond the IR."""

    image_pull_policy: str = ""
    working_dir: str = ""
    volume_mounts: list[Mount] = []
    env_from: list[Mapped] = []


class OfPod(msgspec.Struct, rename="camel"):
    """What an operation says of its pod."""

    node_selector: Texts = {}


class Resource(msgspec.Struct, rename="camel"):
    """A resource for Kubernetes."""

    manifest: str
    action: str
    set_owner_reference: bool = False
    success_condition: str = ""
    failure_condition: str = ""


class OfResource(msgspec.Struct, rename="camel"):
    """What an operation says of its resource."""

    resource: Resource


RUN, CONTAINER, OPERATION, RESOURCE = Run, InContainer, OfPod, OfResource
PLACES = dict[str, Mapped]
"""Stores by their kind, each with the place in it."""


Path = tuple[str | int, ...]
KINDS = ("", "parameter", "artifact", "result")
TOLERATED = ("errored", "failed")


def check(workflow: Workflow) -> None:
    """Looks for what no adapter can read.

    Raises:
        InvalidInput: there is something; its `path` is the place in the document.
    """
    for path, owner, item in _parts(workflow):
        for node in nodes(item):
            if problem := _problem(node):
                hint = "write the file with couler_plugins.ir.to_json, or correct it by its schema"
                raise InvalidInput(f"{owner} {problem}", path=path, step=owner or None, hint=hint)


def _parts(workflow: Workflow) -> Iterator[tuple[Path, str, Node]]:
    """The workflow in pieces that have a name and a place."""
    yield ("workflow",), f"the workflow {workflow.name!r:.80}", replace(workflow, graphs=(), operations=())
    for number, operation in enumerate(workflow.operations):
        yield ("workflow", "operations", number), f"{operation.name!r:.80}", operation
    for number, graph in enumerate(workflow.graphs):
        path: Path = ("workflow", "graphs", number)
        yield path, f"{graph.name!r:.80}", replace(graph, steps=())
        for position, step in enumerate(graph.steps):
            yield (*path, "steps", position), f"{step.name!r:.80}", step


def _problem(node: Node) -> str:
    """What is wrong with a node by itself; empty where nothing is."""
    match node:
        case Need():
            return _unknown("waits for the outcome", node.outcomes, OUTCOMES.values())
        case Step():
            return _unknown("tolerates the outcome", node.tolerates, TOLERATED)
        case Reference():
            return _unknown("refers to something of the kind", (node.kind,), KINDS)
        case Native():
            return _native(node)
        case Workflow():
            return _misfit("what it says of its runs", node.native_extra, RUN)
        case Operation():
            return _operation(node)
        case Graph():
            return _misfit("what it says of itself", node.native_extra, dict[str, Any])
        case Container():
            return _misfit("what it says of a container", node.native_extra, CONTAINER)
        case EnvVar(value=Native() as value):
            return _misfit("where a variable comes from", value, dict[str, Any])
        case Port():
            return _misfit("where an input comes from", node.origin, PLACES)
        case Output():
            return _misfit("where an output goes", node.native_extra, PLACES)
    return ""


def _unknown(what: str, words: tuple[str, ...], known: Any) -> str:
    wrong = [word for word in words if word not in known]
    return f"{what} {wrong[0]!r:.80}, which there is not: there are {', '.join(filter(None, known))}" if wrong else ""


def _native(native: Native) -> str:
    """Whether a structure is one: a reference in it stands for a text, or for a part of one."""
    text = "".join(part if isinstance(part, str) else "0" for part in native.parts)
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return f"holds a structure that is no JSON: {text!r:.80}"
    return ""


def _misfit(what: str, native: Native | None, shape: Any) -> str:
    """Whether a structure is of the shape that it is read as; one with references is its engine's business."""
    if native is None or any(references(native)) or _native(native):
        return ""
    try:
        msgspec.convert(native.data, shape, strict=True)
    except msgspec.ValidationError as error:
        return f"has a misfit in {what}: {error!s:.200}"
    return ""


def _operation(operation: Operation) -> str:
    if problem := _misfit("what it says of its pod", operation.native_extra, OPERATION):
        return problem
    if operation.kind == "resource":
        return _resource(operation)
    if operation.kind != "python":
        return ""
    try:
        function = function_of(operation)
    except ValueError as error:
        return f"has a default that its function cannot take: {error!s:.120}"
    if function is None:
        return "does not say what its function takes and gives, or not of the inputs that it has"
    if [name for name, _ in function.outputs] != [output.name for output in operation.outputs]:
        return "does not have the outputs that its function gives"
    return ""


def _resource(operation: Operation) -> str:
    """The manifest of a resource may hold references: these are texts in it."""
    if operation.native_extra is None:
        return "is a resource without a manifest"
    plain = Native(parts=("".join(part if isinstance(part, str) else "0" for part in operation.native_extra.parts),))
    return _native(plain) or _misfit("what it says of its resource", plain, RESOURCE)
