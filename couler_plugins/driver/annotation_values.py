"""Annotations of ours with words that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.documents import Path, Remark
from couler_plugins.reliability.rules import GUARD, IDEMPOTENT, NEVER
from couler_plugins.rightsizing.rules import ANNOTATION, WORDS

VALUES = {IDEMPOTENT: ("true", "false"), GUARD: (NEVER,), ANNOTATION: WORDS}


def wrong_values(number: int, data: Any, path: Path = ()) -> Iterator[Remark]:
    """Yield a warning for each annotation in a document, at any depth, whose text is none of the words that it takes.

    Args:
        number: the number of the document.
        data: its data, or a part of it.
        path: where that part is.
    """
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        name = next((name for name in VALUES if key == name or str(key).startswith(f"{name}.")), None)
        if name is None or path[-1:] != ("annotations",):
            yield from wrong_values(number, value, (*path, key))
        elif isinstance(value, str) and value not in VALUES[name]:
            hint = f"write {' or '.join(VALUES[name])}, in quotes"
            yield Remark(number, (*path, key), "warning", "annotation", f"{key} cannot be {value!r:.40}", hint)
