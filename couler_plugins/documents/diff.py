"""What changed between two versions of a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from couler_plugins.documents.alignment import align, same_scalar
from couler_plugins.documents.spans import Path


class Edit(msgspec.Struct, frozen=True):
    """One change.

    Args:
        op: what happens to the value.
        before: its path in the old document; None for an `add`.
        after: its path in the new document; None for a `remove`.
        old: the old value; None for an `add`.
        new: the new value; None for a `remove`.
        origin: for an `add`, the old path of what the value was made from, if it was moved or cloned.
        parts: for an `add` without an origin of its own, the outermost values inside of it that have one: their path
            within the value, and the old path.
    """

    op: Literal["add", "remove", "replace"]
    before: Path | None
    after: Path | None
    old: Any
    new: Any
    origin: Path | None = None
    parts: tuple[tuple[Path, Path], ...] = ()


def diff(old: Any, new: Any, origins: Mapping[int, Path] | None = None) -> tuple[Edit, ...]:
    """The edits that turn one JSON-like tree into another, in the order of the document; none of them is redundant.

    Types matter (1, 1.0, true and "1" differ), the order of a mapping's keys does not. Subtrees that are one object
    on both sides are not looked at.

    Args:
        old: the old tree.
        new: the new tree.
        origins: for objects of the new tree, by their `id`, the path in the old tree of what they were made from.

    Example:
        >>> [(edit.op, edit.before, edit.after) for edit in diff({"a": [1, 2]}, {"a": [2, 3.0]})]
        [('remove', ('a', 0), None), ('add', None, ('a', 1))]
    """
    return tuple(_Diff(origins or {}).compare(old, new))


class _Diff:
    def __init__(self, origins: Mapping[int, Path]) -> None:
        self._origins = origins
        self._edits: list[Edit] = []

    def compare(self, old: Any, new: Any) -> list[Edit]:
        self._node(old, new, (), ())
        return self._edits

    def _node(self, old: Any, new: Any, before: Path, after: Path) -> None:
        if old is new:
            return
        if isinstance(old, dict) and isinstance(new, dict):
            self._mapping(old, new, before, after)
        elif isinstance(old, list) and isinstance(new, list):
            self._list(old, new, before, after)
        elif isinstance(old, dict | list) or isinstance(new, dict | list) or not same_scalar(old, new):
            self._edits.append(Edit("replace", before, after, old, new))

    def _mapping(self, old: dict[str, Any], new: dict[str, Any], before: Path, after: Path) -> None:
        added: dict[str | None, list[str]] = {}
        if new.keys() - old.keys():
            last = None
            for key in new:
                if key in old:
                    last = key
                else:
                    added.setdefault(last, []).append(key)
        for key in added.get(None, ()):
            self._add(new[key], (*after, key))
        for key, value in old.items():
            if key not in new:
                self._edits.append(Edit("remove", (*before, key), None, value, None))
            elif value is not new[key]:
                self._node(value, new[key], (*before, key), (*after, key))
            for follower in added.get(key, ()):
                self._add(new[follower], (*after, follower))

    def _list(self, old: list[Any], new: list[Any], before: Path, after: Path) -> None:
        pairs, crossing = align(old, new, before, self._origins)
        j = i = 0
        for next_j, next_i in [*pairs, (len(old), len(new))]:
            for k in range(j, next_j):
                self._edits.append(Edit("remove", (*before, k), None, old[k], None))
            for k in range(i, next_i):
                self._add(new[k], (*after, k), (*before, crossing[k]) if k in crossing else None)
            if next_j < len(old) and old[next_j] is not new[next_i]:
                self._node(old[next_j], new[next_i], (*before, next_j), (*after, next_i))
            j, i = next_j + 1, next_i + 1

    def _add(self, value: Any, after: Path, moved_from: Path | None = None) -> None:
        origin = parts = None
        if isinstance(value, dict | list):
            origin = self._origins.get(id(value), moved_from)
            if origin is None and self._origins:
                parts = tuple(self._parts(value))
        self._edits.append(Edit("add", None, after, None, value, origin, parts or ()))

    def _parts(self, value: Any) -> list[tuple[Path, Path]]:
        parts: list[tuple[Path, Path]] = []
        level: list[tuple[Path, Any]] = [((), value)]
        while level:
            path, container = level.pop()
            children = container.items() if isinstance(container, dict) else enumerate(container)
            for key, child in children:
                if not isinstance(child, dict | list):
                    continue
                if (source := self._origins.get(id(child))) is not None:
                    parts.append(((*path, key), source))
                else:
                    level.append(((*path, key), child))
        return parts
