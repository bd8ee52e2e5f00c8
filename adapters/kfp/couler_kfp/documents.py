"""Where pipelines are in documents: IR YAML with its platform document, and the Kubernetes-native form.

Sources: `api/v2alpha1/pipeline_spec.proto` (PipelineSpec, PlatformSpec) and KFP's custom resource PipelineVersion
(`pipelines.kubeflow.org`), which holds both specs in one object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from couler_plugins.documents import Document, Path
from couler_plugins.ir.bundle import Bundle

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


def claims(document: Document) -> bool:
    """Whether the document holds a pipeline."""
    return is_pipeline(document.data)


def is_pipeline(data: Any) -> bool:
    """Whether a document holds a pipeline, a part of one, or what is left of one that was cut off."""
    return _is_object(data) or is_spec(data) or _is_job(data) or _is_kubernetes(data)


def _is_object(data: Any) -> bool:
    if not isinstance(data, dict) or data.get("kind") != OBJECT:
        return False
    return str(data.get("apiVersion")).startswith("pipelines.kubeflow.org/")


def _is_job(data: Any) -> bool:
    """Whether this is what KFP 1.8 compiles for Vertex AI: a PipelineSpec within the job that is to run it."""
    return isinstance(data, dict) and not {"kind", "apiVersion"} & data.keys() and is_spec(data.get("pipelineSpec"))


def is_spec(data: Any) -> bool:
    """Whether this looks like a PipelineSpec; its keys are in alphabetical order, so a cut leaves the first ones."""
    if not isinstance(data, dict) or "kind" in data or "apiVersion" in data:
        return False
    if {"pipelineInfo", "schemaVersion", "deploymentSpec"} & data.keys() and {"root", "components"} & data.keys():
        return True
    components = data.get("components")
    if data.keys() != {"components"} or not isinstance(components, (dict, str)):
        return False
    parts = components.values() if isinstance(components, dict) else ()
    named = any(name.startswith("comp-") for name in ([components] if isinstance(components, str) else components))
    return named or any(isinstance(part, dict) and {"dag", "executorLabel"} & part.keys() for part in parts)


def pipelines(bundle: Bundle) -> Iterator[Pipeline]:
    """The pipelines of all documents, each with the PlatformSpec that belongs to it."""
    documents, platforms = bundle.documents, _platforms(bundle)
    for number, document in enumerate(documents):
        holder = Place(number, ())
        if _is_object(document.data):
            spec, platform = ("spec", "pipelineSpec"), ("spec", "platformSpec")
            has_platform = isinstance(document.data.get("spec"), dict) and "platformSpec" in document.data["spec"]
            yield Pipeline(OBJECT, holder, Place(number, spec), Place(number, platform) if has_platform else None)
        elif is_spec(document.data):
            own = platforms.get(number, ())
            yield Pipeline(SPEC, holder, holder, Place(own[0], ()) if own else None)


def stray(bundle: Bundle) -> Iterator[tuple[int, str, str]]:
    """Documents that are no pipelines by themselves: by number, what is wrong with each, and what to do.

    Such are jobs of Vertex AI, and PlatformSpecs that belong to no pipeline, or that are one too many.
    KFP takes what it finds in a file in any order, one pipeline and one PlatformSpec; a file of several pipelines is
    ours to read.
    """
    for number, document in enumerate(bundle.documents):
        if _is_job(document.data):
            hint = "compile the pipeline with KFP 2, or give what is in pipelineSpec by itself"
            yield number, "this is a PipelineJob of Vertex AI around a pipeline, as KFP 1.8 compiles it", hint
    owned, hint = _platforms(bundle), "put it into the file of its pipeline, behind it"
    for number in owned.get(None, ()):
        if _is_kubernetes(bundle.documents[number].data):
            yield number, "this PlatformSpec is without its pipeline", hint
    for pipeline, numbers in owned.items():
        for number in numbers[1:] if pipeline is not None else ():
            yield number, "this is the second PlatformSpec of its pipeline", hint


def _platforms(bundle: Bundle) -> dict[int | None, list[int]]:
    by_place: dict[int | None, list[int]] = {}
    first = 0
    for file in bundle.files:
        own = owned_platforms([document.data for document in file.documents])
        for pipeline, numbers in own.items():
            place = None if pipeline is None else first + pipeline
            by_place.setdefault(place, []).extend(first + number for number in numbers)
        first += len(file.documents)
    return by_place


def owned_platforms(documents: Sequence[Any]) -> dict[int | None, list[int]]:
    """The PlatformSpecs of a file by their pipeline: the nearest before, or else the first behind; by number."""
    by_place: dict[int | None, list[int]] = {}
    before: int | None = None
    first = next((number for number, data in enumerate(documents) if is_spec(data)), None)
    for number, data in enumerate(documents):
        if is_spec(data):
            before = number
        elif is_platform(data):
            by_place.setdefault(first if before is None else before, []).append(number)
    return by_place


def is_platform(data: Any) -> bool:
    if not isinstance(data, dict) or "platforms" not in data or {"kind", "apiVersion"} & data.keys():
        return False
    return not is_spec(data)


def _is_kubernetes(data: Any) -> bool:
    """Whether this is a PlatformSpec of KFP's without a doubt, also where no pipeline is near."""
    if not is_platform(data):
        return False
    platforms = data["platforms"]
    return isinstance(platforms, dict) and isinstance(platforms.get("kubernetes"), dict)
