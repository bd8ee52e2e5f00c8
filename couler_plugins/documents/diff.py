"""What changed between two versions of a document.

Arranges edits as a tree over the old document, which is what the text can be cut by.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal

import msgspec

from couler_plugins.documents.alignment import align, same_scalar
from couler_plugins.documents.positions import ALL, Needed
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


class Change(msgspec.Struct, eq=False):
    """What happens to one old value: it is replaced, or it is a collection with changes inside.

    Args:
        replace: the edit that replaces it as a whole.
        removed: the keys or indexes, old ones, that go.
        added: what comes, by its new key or index; indexes ascend.
        children: what happens to the values that stay, by their old key or index.
    """

    replace: Edit | None = None
    removed: list[Any] = msgspec.field(default_factory=list)
    added: dict[Any, Edit] = msgspec.field(default_factory=dict)
    children: dict[Any, Change] = msgspec.field(default_factory=dict)
    _come: list[Any] = msgspec.field(default_factory=list)
    _gone: list[Any] | None = None

    def child(self, key: Any) -> Change:
        """What happens to the value at an old key or index."""
        node = self.children.get(key)
        if node is None:
            node = self.children[key] = Change()
        return node

    def add(self, key: Any, edit: Edit) -> None:
        """Notes what comes; new indexes must be given in ascending order."""
        self.added[key] = edit
        self._come.append(key)

    def rank(self, index: int) -> int:
        """How many items that stay come before a new index."""
        return index - bisect_left(self._come, index)

    def old_key(self, rank: int) -> int:
        """The old index of the nth item that stays."""
        return _skip(self._sorted_gone(), rank)

    def new_key(self, key: Any) -> Any:
        """The new key or index of a value that stays, by its old one."""
        if not isinstance(key, int):
            return key
        return _skip(self._come, key - bisect_left(self._sorted_gone(), key))

    def _sorted_gone(self) -> list[Any]:
        if self._gone is None:
            self._gone = sorted(self.removed)
        return self._gone


def arrange(edits: Sequence[Edit]) -> Change:
    """The edits as a tree."""
    root = Change()
    for edit in edits:
        if edit.before is None:
            continue
        if edit.op == "replace":
            node = root
            for key in edit.before:
                node = node.child(key)
            node.replace = edit
        else:
            node = root
            for key in edit.before[:-1]:
                node = node.child(key)
            node.removed.append(edit.before[-1])
    # In the order of their paths, so that all items before a new index are known when a path leads through it.
    additions = [(edit.after, edit) for edit in edits if edit.op == "add" and edit.after]
    for path, edit in sorted(additions, key=itemgetter(0)):
        node = root
        for key in path[:-1]:
            node = node.child(node.old_key(node.rank(key)) if isinstance(key, int) else key)
        node.add(path[-1], edit)
    return root


def needed_places(edits: Sequence[Edit], change: Change) -> Needed:
    """The values of the old document whose places in the text it takes to carry out edits.

    Args:
        edits: the edits.
        change: the same, arranged.
    """
    needed = _needed_by(change)
    for edit in edits:
        for origin in (edit.origin, *(origin for _, origin in edit.parts)):
            if origin is not None:
                needed = _with_all(needed, origin)
    return needed


def _needed_by(change: Change) -> Needed:
    return ALL if change.replace else {key: _needed_by(inner) for key, inner in change.children.items()}


def _with_all(needed: Needed, path: Path) -> Needed:
    """The same, and all that is under a path."""
    if needed is True or not path:
        return ALL
    inner: dict[str | int, Needed] = {} if needed is False else needed  # its own: `_needed_by` has just made it
    inner[path[0]] = _with_all(inner.get(path[0], False), path[1:])
    return inner


def _skip(gaps: list[int], rank: int) -> int:
    """The nth whole number that is not among the gaps, which ascend."""
    low, high = 0, len(gaps)
    while low < high:
        middle = (low + high) // 2
        if gaps[middle] - middle <= rank:
            low = middle + 1
        else:
            high = middle
    return rank + low
