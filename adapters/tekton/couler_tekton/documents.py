"""Where Tekton's objects are in documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from couler_plugins.documents import Document, Path
from couler_tekton.kinds import KINDS

Mapped = dict[str, Any]


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


def objects(data: Any) -> Iterator[Object]:
    """Tekton's objects in a document, those in a `kind: List` included."""
    if not isinstance(data, dict):
        return
    kind, version = data.get("kind"), data.get("apiVersion")
    if isinstance(kind, str) and kind in KINDS and version in KINDS[kind].versions:
        yield Object(kind, (), data)
    elif kind == "List" and version == "v1" and isinstance(data.get("items"), list):
        for number, item in enumerate(data["items"]):
            for inner in objects(item):
                yield inner._replace(path=("items", number, *inner.path))


def part_at(data: Any, path: Path) -> Any:
    """What is under a path that exists."""
    for key in path:
        data = data[key]
    return data
