"""What is around the components of a pipeline: the PipelineSpec, and the PlatformSpec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from couler_kfp.checks import VERSION
from couler_kfp.components import Body
from couler_kfp.documents import ROOT
from couler_kfp.mappings import Mapped, joined
from couler_kfp.structures import write_structure
from couler_kfp.support import unsupported
from couler_plugins.ir import Workflow

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
    if bodies:
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
