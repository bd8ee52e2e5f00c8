"""The objects of a bundle that hold templates, and how one finds those of another."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from couler_argo.checks.conforming import Misfit, conform
from couler_argo.checks.shapes import CRON, WORKFLOW
from couler_argo.manifests import Manifest, at, manifests
from couler_plugins.documents import Path
from couler_plugins.ir.bundle import Bundle

__all__ = ["Holder", "Shelf"]

Mapping = dict[str, Any]


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
    data: Mapping
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
    def metadata(self) -> Mapping:
        found: Mapping = self.data.get("metadata", {})
        return found

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
    def spec(self) -> Mapping:
        """The workflow's spec; empty where there is none."""
        try:
            found = at(self.data, self.spec_path)
        except KeyError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def templates(self) -> list[Mapping]:
        found: list[Mapping] = self.spec.get("templates", [])
        return found

    @property
    def template_names(self) -> Collection[str]:
        return self._templates.keys()

    def find(self, name: str) -> tuple[Mapping, Path] | None:
        """The first template of a name, and where it is."""
        number = self._templates.get(name)
        return None if number is None else (self.templates[number], (*self.spec_path, "templates", number))


class Shelf:
    """All objects of a bundle; the workflow templates among them can be found by name."""

    def __init__(self, bundle: Bundle) -> None:
        self.holders = [
            Holder.of(number, manifest)
            for number, document in enumerate(bundle.documents)
            for manifest in manifests(document.data)
        ]
        self._libraries: dict[tuple[str, str], list[Holder]] = {}
        for holder in self.holders:
            if holder.manifest.library:
                self._libraries.setdefault((holder.manifest.library, holder.name), []).append(holder)

    def find(self, reference: Mapping, namespace: str) -> Holder | None:
        """The workflow template that a reference from an object in a namespace means; None where it is not here.

        Those in the object's own namespace come before those that say none; an object that says none sees all.
        """
        cluster = reference.get("clusterScope", False)
        found = self._libraries.get(("cluster" if cluster else "namespace", reference.get("name", "")), [])
        if namespace and not cluster:
            own = [holder for holder in found if holder.namespace == namespace]
            found = own or [holder for holder in found if not holder.namespace]
        return found[0] if found else None

    def names(self, cluster: bool) -> list[str]:
        """The names of all workflow templates that can be referred to."""
        return [name for scope, name in self._libraries if scope == ("cluster" if cluster else "namespace")]

    def repeated(self) -> Iterator[tuple[Holder, Holder]]:
        """Workflow templates that have the name of one before them, each with that one."""
        for found in self._libraries.values():
            first: dict[str, Holder] = {}
            for holder in found:
                earlier = first.setdefault(holder.namespace or "default", holder)
                if earlier is not holder and holder.name:
                    yield holder, earlier
