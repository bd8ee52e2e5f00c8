"""The objects of a bundle that hold templates, and how one finds those of another."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from couler_argo.documents import Manifest, manifests
from couler_argo.lint.shapes import CRON, WORKFLOW, Misfit, conform
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, part_at
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.definitions import Definitions, SharedNames, Subject


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """One Argo object.

    Attributes:
        document: the number of its document.
        manifest: where it is there, and as what.
        data: what it says, with everything that the checks read of its right type.
        misfits: what is of a wrong type.
    """

    document: int
    manifest: Manifest
    data: Mapped
    misfits: tuple[Misfit, ...]
    _templates: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, document: int, manifest: Manifest) -> Holder:
        """The object of a manifest."""
        misfits: list[Misfit] = []
        data = conform(manifest.data, CRON if manifest.kind == "CronWorkflow" else WORKFLOW, (), misfits)
        holder = cls(document, manifest, data, tuple(misfits))
        for number, template in enumerate(holder.templates):
            holder._templates.setdefault(template.get("name", ""), number)
        return holder

    @property
    def kind(self) -> str:
        return self.manifest.kind

    @property
    def metadata(self) -> Mapped:
        metadata: Mapped = self.data.get("metadata", {})
        return metadata

    @property
    def name(self) -> str:
        return str(self.metadata.get("name", ""))

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace", ""))

    @property
    def spec_path(self) -> Path:
        return self.manifest.spec_path

    @property
    def spec(self) -> Mapped:
        """The workflow's spec; empty where there is none."""
        try:
            spec = part_at(self.data, self.spec_path)
        except KeyError:
            return {}
        return spec if isinstance(spec, dict) else {}

    @property
    def templates(self) -> list[Mapped]:
        templates: list[Mapped] = self.spec.get("templates", [])
        return templates

    @property
    def template_names(self) -> Collection[str]:
        return self._templates.keys()

    def find(self, name: str) -> tuple[Mapped, Path] | None:
        """The first template of a name, and where it is."""
        number = self._templates.get(name)
        return None if number is None else (self.templates[number], (*self.spec_path, "templates", number))


class Shelf:
    """All objects of a bundle; the workflow templates among them can be found by name."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.holders = [
            Holder.of(number, manifest)
            for number, document in enumerate(bundle.documents)
            for manifest in manifests(document.data)
        ]
        self._names: dict[str, dict[str, None]] = {"cluster": {}, "namespace": {}}
        self._libraries: Definitions[Holder] = Definitions(lambda holder: json.dumps(holder.data, sort_keys=True))
        for holder in self.holders:
            if (scope := holder.manifest.library) and holder.name:
                self._names[scope][holder.name] = None
                source = (holder.document, *holder.manifest.path)
                self._libraries.add((scope, holder.name), holder.namespace, holder, *bundle.place_and_version(source))
        self.shared = SharedNames(self._libraries, self._subject)

    def find(self, reference: Mapped, namespace: str, near: Holder) -> Sequence[Holder]:
        """The workflow template that a reference means; none where it is not here, several where that is unclear.

        Args:
            reference: what is referred to.
            namespace: where the workflow runs.
            near: the object that the reference stands in; see `couler_plugins.ir.definitions`.
        """
        cluster = reference.get("clusterScope", False)
        name = ("cluster" if cluster else "namespace", reference.get("name", ""))
        return self._libraries.resolve(name, "" if cluster else namespace, self._bundle.place_of(near.document))

    def names(self, cluster: bool) -> Collection[str]:
        """The names of all workflow templates that can be referred to."""
        return self._names["cluster" if cluster else "namespace"]

    def _subject(self, holder: Holder) -> Subject:
        base = holder.manifest.path
        place = self._bundle.describe((holder.document, *base))
        return Subject(f"{holder.kind} {holder.name!r}", holder.document, (*base, "metadata", "name"), place)
