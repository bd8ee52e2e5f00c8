"""Arranges edits as a tree over the old document, which is what the text can be cut by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from couler_plugins.documents.diff import Edit
from couler_plugins.documents.positions import ALL, Needed
from couler_plugins.documents.spans import Path


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
