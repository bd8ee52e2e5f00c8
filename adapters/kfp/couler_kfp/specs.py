"""Specs of pipelines: the PipelineSpec and PlatformSpec around components, and checks of what makes a pipeline none.

Names that do not exist are found by `ir.verify`, as for every engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from couler_kfp.components import Body
from couler_kfp.documents import ROOT
from couler_kfp.mappings import Mapped, joined
from couler_kfp.structures import write_structure
from couler_kfp.support import unsupported
from couler_plugins.documents import Path
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Graph, Operation, Workflow, references

VERSION = "2.1.0"


def check_version(spec: Mapped, path: Path) -> None:
    """Raises `InvalidInput` where the spec is cut off, or of a version that the backend does not take either."""
    if "root" not in spec:
        hint = "the file may be cut off: compile the pipeline again"
        raise InvalidInput("the pipeline has no root", engine="kfp", path=path, hint=hint)
    version = spec.get("schemaVersion")
    if version is None:
        hint = "the file may be cut off: compile the pipeline again"
        raise InvalidInput("the pipeline has no schemaVersion", engine="kfp", path=path, hint=hint)
    if version != VERSION:
        message, hint = f"schemaVersion {version!r} is not supported", f"compile the pipeline for {VERSION}"
        raise InvalidInput(message, engine="kfp", path=(*path, "schemaVersion"), hint=hint)


def check_names(names: Collection[str], path: Path) -> None:
    """Raises `InvalidInput` where two names only differ in case: in Kubernetes they would be one."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            message = f"{other!r} and {name!r} only differ in case"
            raise InvalidInput(message, engine="kfp", path=(*path, name), hint="give one of them another name")


def check_bound(graphs: Iterable[Graph], operations: Iterable[Operation]) -> None:
    """Raises `Unsupported` where a platform configuration reads outputs of tasks in several graphs.

    An edit of one of these graphs would change what it says in the others.
    """
    bound = {item.name: item for item in operations if item.inline and any(item.step for item in references(item))}
    callers: dict[str, str] = {}
    for graph in graphs:
        for step in graph.steps:
            name = getattr(step.call, "name", "")
            if name in bound and callers.setdefault(name, graph.name) != graph.name:
                message = f"the platform configuration of {name!r} reads what is around it, in two graphs"
                hint = "give each task a component of its own"
                raise Unsupported(message, engine="kfp", path=(step.source or ())[1:], hint=hint)


EXECUTORS = ("deploymentSpec", "executors")


def rest_part(workflow: Workflow, part: str) -> Mapped:
    """What no field expresses of the `spec`, of the `platform` document, or of the `object` around both."""
    rest: Mapped = write_structure(workflow.native_extra).get(part, {}) if workflow.native_extra else {}
    return rest


def write_spec(workflow: Workflow, components: Mapped, bodies: Mapping[str, Body]) -> Mapped:
    """The PipelineSpec.

    Args:
        workflow: the workflow.
        components: all of them, the root included, by name.
        bodies: what they are made of, by label.

    Raises:
        Unsupported: a label is that of an executor that nothing runs.
    """
    rest = rest_part(workflow, "spec")
    if clashes := bodies.keys() & rest.get("deploymentSpec", {}).get("executors", {}).keys():
        raise unsupported("Operation.name", min(clashes), "is the label of an executor that nothing runs", "rename it")
    own: Mapped = {"pipelineInfo": {"name": workflow.name}, "schemaVersion": VERSION}
    own["deploymentSpec"] = {"executors": {label: body.executor for label, body in bodies.items()}}
    inner = {name: component for name, component in components.items() if name != ROOT}
    return {**joined(own, rest), "components": inner, "root": components[ROOT]}


def write_platform(workflow: Workflow, bodies: Mapping[str, Body], names: Iterable[str]) -> Mapped:
    """The PlatformSpec, empty where there is none.

    Args:
        workflow: the workflow.
        bodies: what its operations are made of, by label.
        names: of platforms that are configured, also where that is for no operation.
    """
    configured: dict[str, Mapped] = {name: {} for name in names}
    for label, body in bodies.items():
        for name, content in body.platforms.items():
            configured.setdefault(name, {})[label] = content
    own = {"platforms": {name: {"deploymentSpec": {"executors": items}} for name, items in configured.items()}}
    return joined(own if configured else {}, rest_part(workflow, "platform"))
