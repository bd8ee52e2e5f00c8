"""Where the parts of a workflow are in each kind of Argo document, and the table of the workflow itself.

What workflows and templates say beside what the IR models: annotations, the spec, and what a cluster writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from couler_argo.codec import Codec, Context, Field, present_fields, refuse_beyond
from couler_argo.ports import read_ports, write_ports
from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_argo.steps import HOOKS, external
from couler_plugins.caching.declarations import annotation_texts
from couler_plugins.documents import Document, Path
from couler_plugins.documents.mappings import Mapped, mapping_at
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Call, Callable, External, Port, Step, Workflow, replace

SPEC_PATHS: dict[str, Path] = {
    "Workflow": ("spec",),
    "WorkflowTemplate": ("spec",),
    "ClusterWorkflowTemplate": ("spec",),
    "CronWorkflow": ("spec", "workflowSpec"),
}
LIBRARIES: dict[str, Literal["namespace", "cluster"]] = {
    "WorkflowTemplate": "namespace",
    "ClusterWorkflowTemplate": "cluster",
}
"""Kinds whose templates others can call, and from where."""


class Manifest(NamedTuple):
    """One workflow in a document.

    Attributes:
        kind: Argo's kind.
        path: where the object is in its document (not at its root only in a `kind: List`).
        data: the object.
    """

    kind: str
    path: Path
    data: Mapped

    @property
    def spec_path(self) -> Path:
        """Where the workflow's spec is, from the object's root."""
        return SPEC_PATHS[self.kind]

    @property
    def library(self) -> Literal["", "namespace", "cluster"]:
        """Where others can call its templates from; empty where they cannot."""
        return LIBRARIES.get(self.kind, "")


def claims(document: Document) -> bool:
    """Whether the document holds an Argo workflow."""
    return next(manifests(document.data), None) is not None


def manifests(data: Any) -> Iterator[Manifest]:
    """The workflows of a document, those in a `kind: List` included."""
    if not isinstance(data, dict):
        return
    kind, version = data.get("kind"), data.get("apiVersion")
    if isinstance(kind, str) and kind in SPEC_PATHS and isinstance(version, str) and version.startswith("argoproj.io/"):
        yield Manifest(kind, (), data)
    elif kind == "List" and version == "v1" and isinstance(data.get("items"), list):
        for number, item in enumerate(data["items"]):
            for manifest in manifests(item):
                yield manifest._replace(path=("items", number, *manifest.path))


def _text(name: str, key: str) -> Field:
    def read(mapping: Mapped, context: Context) -> tuple[str | None, Mapped]:
        content = mapping[key]
        return (content, {}) if isinstance(content, str) and content else (None, {key: content})

    return Field(name, (key,), read, lambda node, context: {key: node} if node else {})


def _read_entry(mapping: Mapped, context: Context) -> tuple[Step | None, Mapped]:
    """The entry: a template of its own, or one of the workflow template that it refers to."""
    entrypoint, reference = mapping.get("entrypoint"), mapping.get("workflowTemplateRef")
    remainder = present_fields(mapping, ("entrypoint", "workflowTemplateRef"))
    name = remainder.pop("entrypoint") if isinstance(entrypoint, str) and entrypoint else ""
    match reference:
        case {"name": str(workflow), **others}:
            call = external(workflow, name, others)
            if call is not None:
                del remainder["workflowTemplateRef"]
                return Step(name="entrypoint", call=call), remainder
    return Step(name="entrypoint", call=Call(name=name)) if name else None, remainder


def _write_entry(entry: Step, context: Context) -> Mapped:
    refuse_beyond(entry, ("name", "call"))
    call = entry.call
    if isinstance(call, External):
        cluster = {"clusterScope": True} if call.scope == "cluster" else {}
        name = {"entrypoint": call.name} if call.name else {}
        return {**name, "workflowTemplateRef": {"name": call.workflow, **cluster}}
    if not isinstance(call, Call):
        raise Unsupported(
            "the entrypoint of an Argo workflow is the name of a template", engine="argo", feature="Workflow.entry"
        )
    return {"entrypoint": call.name}


PARAMETERS = Codec(
    Field(
        "parameters",
        ("parameters", "artifacts"),
        lambda content, context: read_ports(content, Port, context),
        write_ports,
    )
)
SPEC = Codec(
    Field("entry", ("entrypoint", "workflowTemplateRef"), _read_entry, _write_entry),
    HOOKS,
    nested={"arguments": PARAMETERS},
    ignored=("templates",),
)
METADATA = Codec(_text("name", "name"), _text("prefix", "generateName"), _text("namespace", "namespace"))


def codec_of(kind: str) -> Codec:
    """The table of a whole object of this kind."""
    return CODECS[kind]


def _object_codec(path: Path) -> Codec:
    codec = SPEC
    for key in reversed(path[1:]):
        codec = Codec(nested={str(key): codec})
    beside = ("engine", "graphs", "kind", "library", "operations")
    return Codec(nested={"metadata": METADATA, "spec": codec}, ignored=("apiVersion", "kind"), beside=beside)


CODECS = {kind: _object_codec(path) for kind, path in SPEC_PATHS.items()}


RECORDS = frozenset({"status"})
METADATA_RECORDS = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"})
"""What an API server writes into the metadata of objects."""


def rest_of(node: Any) -> dict[str, Any]:
    """What a node says that is not lifted into typed fields; it may be changed."""
    data = write_native(node.native_extra) if node.native_extra is not None else {}
    return dict(data) if isinstance(data, dict) else {}


def spec_of(workflow: Workflow) -> dict[str, Any]:
    """What the spec of a workflow says that is not lifted into typed fields."""
    return mapping_at(rest_of(workflow), *SPEC_PATHS.get(workflow.kind, ("spec",)))


def annotations_of(node: Workflow | Callable) -> dict[str, str]:
    """The annotations of a workflow's object, or of a template; see `annotation_texts`."""
    if node.native_extra is None or not any(
        isinstance(part, str) and '"annotations":' in part for part in node.native_extra.parts
    ):
        return {}
    return annotation_texts(mapping_at(rest_of(node), "metadata", "annotations"))


def with_annotation(workflow: Workflow, key: str, text: str | None) -> Workflow:
    """The workflow with an annotation; None takes it away, and the mappings that are left empty with it.

    Raises:
        Unsupported: its metadata has no place for it.
    """
    rest = rest_of(workflow)
    metadata = dict(_mapping(workflow, rest.get("metadata"), "metadata"))
    old = _mapping(workflow, metadata.get("annotations"), "metadata.annotations")
    annotations = {name: content for name, content in old.items() if name != key}
    if text is not None:
        annotations[key] = text
    for mapping, name, content in ((metadata, "annotations", annotations), (rest, "metadata", metadata)):
        if content:
            mapping[name] = content
        else:
            mapping.pop(name, None)
    return replace(workflow, native_extra=native(rest) if rest else None)


def without_records(workflow: Workflow) -> Workflow:
    """The workflow without what a cluster wrote to it: exported objects have that, and serializers leave it empty."""
    rest = rest_of(workflow)
    metadata = rest.get("metadata")
    if not (rest.keys() & RECORDS or (isinstance(metadata, dict) and metadata.keys() & METADATA_RECORDS)):
        return workflow
    if isinstance(metadata, dict):
        rest["metadata"] = {key: content for key, content in metadata.items() if key not in METADATA_RECORDS}
    remaining = {key: content for key, content in rest.items() if key not in RECORDS and content != {}}
    return replace(workflow, native_extra=native(remaining) if remaining else None)


def _mapping(workflow: Workflow, content: Any, what: str) -> dict[str, Any]:
    if content is not None and not isinstance(content, dict):
        raise Unsupported(
            f"{workflow.label}: {what} is no mapping", engine="argo", feature="annotations", hint=f"correct {what}"
        )
    return content or {}
