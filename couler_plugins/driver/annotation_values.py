"""Annotations of ours whose values nobody heeds: no texts, which Kubernetes refuses, or words that mean nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from couler_plugins.documents import Document, Path, Remark
from couler_plugins.documents.findings import Place
from couler_plugins.reliability.rules import GUARD, IDEMPOTENT, NEVER
from couler_plugins.rightsizing.rules import ANNOTATION, WORDS

PREFIX = "couler.io/"
VALUES = {IDEMPOTENT: ("true", "false"), GUARD: (NEVER,), ANNOTATION: WORDS}


def wrong_values(documents: Sequence[Document | None], said: Collection[Place]) -> Iterator[Remark]:
    """Yield an error for each annotation of ours that is no text, and a warning for each word that says nothing.

    Args:
        documents: all of a call; None for what no engine understands.
        said: the places of which something is said already.
    """
    for number, document in enumerate(documents):
        for path, value in _ours(document.data) if document is not None else ():
            if document is None or Place(document.file, document.line_of(path), path) in said:
                continue
            key = str(path[-1])
            words = next((VALUES[name] for name in VALUES if key == name or key.startswith(f"{name}.")), ())
            if not isinstance(value, str):
                message = f"{key} is not a text, and Kubernetes takes only texts as annotations"
                yield Remark(number, path, "error", "wrong-type", message, "put it into quotes")
            elif words and value not in words:
                hint = " or ".join(f'"{word}"' for word in words)
                yield Remark(number, path, "warning", "annotation", f"{key} cannot be {value!r:.40}", f"write {hint}")


def _ours(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield our annotations of an object, and of all that is inside it."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if path[-2:] == ("metadata", "annotations") and isinstance(key, str) and key.startswith(PREFIX):
            yield (*path, key), value
        else:
            yield from _ours(value, (*path, key))
