"""What is around the components of a pipeline: the PipelineSpec, and the PlatformSpec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_kfp.checks import VERSION
from couler_kfp.components import Body, label_of
from couler_kfp.mappings import Mapped, joined, patched
from couler_kfp.pipelines import ROOT
from couler_kfp.structures import write_structure
from couler_kfp.support import unsupported
from couler_plugins.ir import Workflow

__all__ = ["rest_part", "write_platform", "write_spec"]


def rest_part(workflow: Workflow, part: str) -> Mapped:
    """What no field expresses of the `spec`, of the `platform` document, or of the `object` around both."""
    rest: Mapped = write_structure(workflow.native_extra).get(part, {}) if workflow.native_extra else {}
    return rest


def write_spec(
    new: Workflow, old: Workflow | None, native: Mapped | None, components: Mapped, bodies: Mapping[str, Body]
) -> Mapped:
    """The PipelineSpec.

    Args:
        new: the workflow as it is to be.
        old: the workflow as it was lifted; None for one without an origin.
        native: what it was lifted from.
        components: all of them, the root included, by name.
        bodies: what they are made of, by label.

    Raises:
        Unsupported: a label is that of an executor that nothing runs.
    """
    inner = {name: component for name, component in components.items() if name != ROOT}
    root = components[ROOT]
    executors = {label: body.executor for label, body in bodies.items()}
    after = _head(new, executors)
    if old is None or native is None:
        return {**after, "components": inner, "root": root}
    result: Mapped = patched(native, _head(old, {}), _head(new, {}))
    result = _with_entries(result, ("components",), inner, native.get("components", {}).keys())
    result = _with_entries(result, ("deploymentSpec", "executors"), executors, _labels(old))
    return result if result["root"] is root else {**result, "root": root}


def _head(new: Workflow, executors: Mapped) -> Mapped:
    """The spec around its components."""
    rest = rest_part(new, "spec")
    executors_before = rest.get("deploymentSpec", {}).get("executors", {})
    if clashes := executors.keys() & executors_before.keys():
        raise unsupported("Operation.name", min(clashes), "is the label of an executor that nothing runs", "rename it")
    own: Mapped = {"pipelineInfo": {"name": new.name}, "schemaVersion": VERSION}
    if executors:
        own["deploymentSpec"] = {"executors": executors}
    return joined(own, rest)


def write_platform(new: Workflow, old: Workflow | None, native: Mapped | None, bodies: Mapping[str, Body]) -> Mapped:
    """The PlatformSpec, empty where there is none; the arguments are those of `write_spec`."""
    configured: dict[str, Mapped] = {}
    for label, body in bodies.items():
        for name, content in body.platforms.items():
            configured.setdefault(name, {})[label] = content
    rest = rest_part(new, "platform")
    own = {"platforms": {name: {"deploymentSpec": {"executors": held}} for name, held in configured.items()}}
    after = joined(own if configured else {}, rest)
    if old is None or native is None:
        return after
    result: Mapped = patched(native, rest_part(old, "platform"), rest)
    labels = _labels(old)
    for name in {**native.get("platforms", {}), **configured}:
        path = ("platforms", name, "deploymentSpec", "executors")
        result = _with_entries(result, path, configured.get(name, {}), labels)
    return result


def _labels(workflow: Workflow) -> set[str]:
    return {label_of(operation) for operation in workflow.operations}


def _with_entries(data: Mapped, path: tuple[str, ...], entries: Mapped, owned: Any) -> Mapped:
    """`data` with these entries in the mapping under a path, in place of the owned ones; others there stay."""
    if not path:
        kept = {key: entries.get(key, content) for key, content in data.items() if key in entries or key not in owned}
        whole = {**kept, **entries}
        return data if whole.keys() == data.keys() and all(whole[key] is data[key] for key in data) else whole
    current = data.get(path[0], {})
    inner = _with_entries(current, path[1:], entries, owned)
    if inner is current:
        return data
    return {**data, path[0]: inner}
