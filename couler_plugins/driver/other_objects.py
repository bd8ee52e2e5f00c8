"""Objects that stand beside workflows in their files, and that no conversion changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace

from couler_plugins.documents import Document
from couler_plugins.engine_kit.crd.crd import manifests
from couler_plugins.hookspecs import Adapter
from couler_plugins.inputs.sources import Input
from couler_plugins.plan import Decision

log = logging.getLogger(__name__)


def others_in(item: Input, source: Adapter) -> tuple[Decision, ...]:
    """What is in a file beside its workflows, which nothing becomes of."""
    documents = item.file.documents if item.file is not None else ()
    objects = (part for document in documents if document.data is not None for part in _objects(document))
    notes: list[Decision] = []
    for document, line in objects:
        if source.claims(document):
            continue
        kind = document.data.get("kind", "") if isinstance(document.data, Mapping) else ""
        what = f"a {kind}" if kind else "a document"
        reason = f"line {line} begins {what} that is no workflow, and that is not converted"
        log.warning("%s: %s", item.name, reason)
        notes.append(Decision(optimizer="convert", workflow=item.name, action="left out", reason=reason))
    return tuple(notes)


def _objects(document: Document) -> Iterator[tuple[Document, int | None]]:
    """Yield a document, or else each object of the list that it is, with the line where it begins."""
    inner = [(path, data) for path, data in manifests(document.data) if path]
    for path, data in inner:
        yield replace(document, data=data), document.line_of(path)
    if not inner:
        yield document, document.line
