"""Where pipelines are in documents: IR YAML with its platform document, and the Kubernetes-native form.

Sources: `api/v2alpha1/pipeline_spec.proto` (PipelineSpec, PlatformSpec) and KFP's custom resource PipelineVersion
(`pipelines.kubeflow.org`), which holds both specs in one object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from couler_plugins.documents import Path
from couler_plugins.ir.bundle import Bundle

__all__ = ["OBJECT", "ROOT", "Mapped", "Pipeline", "Place", "is_pipeline", "is_platform", "pipelines"]

Mapped = dict[str, Any]

ROOT = "root"
"""What the pipeline itself is called among its components."""
SPEC, OBJECT = "PipelineSpec", "PipelineVersion"


class Place(NamedTuple):
    """A mapping in the bundle: the number of its document, and its path in there."""

    document: int
    path: Path


class Pipeline(NamedTuple):
    """One pipeline of the bundle.

    Attributes:
        kind: `PipelineSpec` (IR YAML) or `PipelineVersion` (a Kubernetes object around both specs).
        holder: the whole object; for IR YAML that is the spec.
        spec: the PipelineSpec.
        platform: the PlatformSpec; None where it has none.
    """

    kind: str
    holder: Place
    spec: Place
    platform: Place | None


def is_pipeline(data: Any) -> bool:
    """Whether a document holds a pipeline, or what is left of one that was cut off."""
    return _is_object(data) or _is_spec(data)


def _is_object(data: Any) -> bool:
    if not isinstance(data, dict) or data.get("kind") != OBJECT:
        return False
    return str(data.get("apiVersion")).startswith("pipelines.kubeflow.org/")


def _is_spec(data: Any) -> bool:
    """Whether this looks like a PipelineSpec; its keys are in alphabetical order, so a cut leaves the first ones."""
    if not isinstance(data, dict) or "kind" in data or "apiVersion" in data:
        return False
    if {"pipelineInfo", "schemaVersion", "deploymentSpec"} & data.keys() and {"root", "components"} & data.keys():
        return True
    components = data.get("components")
    parts = components.values() if isinstance(components, dict) else ()
    return data.keys() == {"components"} and any(
        isinstance(part, dict) and {"dag", "executorLabel"} & part.keys() for part in parts
    )


def pipelines(bundle: Bundle) -> Iterator[Pipeline]:
    """The pipelines of all documents; a PlatformSpec belongs to the pipeline right before it in its file."""
    documents = bundle.documents
    for number, document in enumerate(documents):
        holder = Place(number, ())
        if _is_object(document.data):
            spec, platform = ("spec", "pipelineSpec"), ("spec", "platformSpec")
            given = isinstance(document.data.get("spec"), dict) and "platformSpec" in document.data["spec"]
            yield Pipeline(OBJECT, holder, Place(number, spec), Place(number, platform) if given else None)
        elif _is_spec(document.data):
            follower = number + 1
            own = follower < len(documents) and bundle.file_numbers[follower] == bundle.file_numbers[number]
            has_platform = own and is_platform(documents[follower].data)
            yield Pipeline(SPEC, holder, holder, Place(follower, ()) if has_platform else None)


def is_platform(data: Any) -> bool:
    return isinstance(data, dict) and "platforms" in data and not _is_spec(data)
