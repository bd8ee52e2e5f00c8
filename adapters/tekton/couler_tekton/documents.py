"""Where Tekton's objects are in documents.

Tekton's objects by kind and name, as they stand in documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from couler_plugins.documents import Document, Mapped, Path
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import Bundle, Definitions, Source
from couler_tekton.kinds import KINDS, Kind


class Object(NamedTuple):
    """One object in a document.

    Attributes:
        kind: Tekton's kind.
        path: where it is in its document (not at its root only in a `kind: List`).
        data: the object.
    """

    kind: str
    path: Path
    data: Mapped


def claims(document: Document) -> bool:
    """Whether the document holds one of Tekton's objects."""
    return next(objects(document.data), None) is not None


def objects(data: Any, kinds: Mapping[str, Kind] = KINDS) -> Iterator[Object]:
    """Tekton's objects of some kinds in a document, those in a `kind: List` included."""
    if not isinstance(data, dict):
        return
    kind, version = data.get("kind"), data.get("apiVersion")
    if isinstance(kind, str) and kind in kinds and version in kinds[kind].versions:
        yield Object(kind, (), data)
    elif kind == "List" and version == "v1" and isinstance(data.get("items"), list):
        for number, item in enumerate(data["items"]):
            for inner in objects(item, kinds):
                yield inner._replace(path=("items", number, *inner.path))


class Entry(NamedTuple):
    """An object, and the number of its document."""

    item: Object
    document: int

    @property
    def source(self) -> Source:
        """Where it was read."""
        return (self.document, *self.item.path)


def definitions(objects: Iterable[Entry], bundle: Bundle) -> Definitions[Entry]:
    """Return the named ones of some objects; they are looked up by kind and name."""
    definitions_read: Definitions[Entry] = Definitions(
        lambda one: json.dumps(one.item.data, sort_keys=True, default=str)
    )
    for one in objects:
        namespace, name = full_name(one.item)
        if name:
            definitions_read.add((one.item.kind, name), namespace, one, *bundle.place_and_version(one.source))
    return definitions_read


def full_name(item: Object) -> tuple[str, str]:
    """Return the namespace and the name of an object; each is empty where it says none."""
    named = mapping_at(item.data, "metadata")
    namespace, name = named.get("namespace"), named.get("name")
    return namespace if isinstance(namespace, str) else "", name if isinstance(name, str) else ""
