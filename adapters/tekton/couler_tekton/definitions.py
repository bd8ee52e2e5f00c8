"""Tekton's objects by kind and name, as they stand in documents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from couler_plugins.ir import Source
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.definitions import Definitions
from couler_tekton.documents import Object


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
    metadata = item.data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    namespace, name = named.get("namespace"), named.get("name")
    return namespace if isinstance(namespace, str) else "", name if isinstance(name, str) else ""
