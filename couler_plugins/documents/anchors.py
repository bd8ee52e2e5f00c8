"""Keeps count of what anchors and aliases amount to, so that a small file cannot stand for a huge document."""

from __future__ import annotations

from typing import Any

import msgspec

_MAX_EXPANSION = 10
_ALWAYS_ALLOWED = 10_000
"""Nodes that a document may expand to whatever its size: ten uses of one small block are no bomb."""
_ENOUGH = 10**15
"""Weights stop growing here: a long chain of doublings must not turn into arithmetic on huge integers."""


class Anchor(msgspec.Struct):
    """An anchored node: its value, the nodes it expands to (None while it is open) and its levels of nesting."""

    value: Any
    weight: int | None
    height: int


class _Open(msgspec.Struct):
    anchor: Anchor
    depth: int
    count: int
    deepest: int


class Anchors:
    """The anchors of one document."""

    __slots__ = ("_by_name", "_extra", "_open", "nodes")

    def __init__(self) -> None:
        self.nodes = 0
        self._extra = 0
        self._by_name: dict[str, Anchor] = {}
        self._open: list[_Open] = []

    def get(self, name: str) -> Anchor | None:
        """The anchor that the name stands for at this point of the document."""
        return self._by_name.get(name)

    @property
    def exploded(self) -> bool:
        """Whether the aliases seen so far expand the document beyond reason."""
        total = self.nodes + self._extra
        return total > _ALWAYS_ALLOWED and total > _MAX_EXPANSION * self.nodes

    def scalar(self, name: str, value: Any) -> None:
        """An anchored scalar."""
        self._by_name[name] = Anchor(value, 1, 0)

    def opened(self, name: str | None, value: Any, depth: int) -> None:
        """A collection begins, `depth` levels below the root."""
        if self._open and depth > self._open[-1].deepest:
            self._open[-1].deepest = depth
        if name is not None:
            anchor = self._by_name[name] = Anchor(value, None, 0)
            self._open.append(_Open(anchor, depth, self.nodes + self._extra, depth))

    def closed(self) -> None:
        """The innermost open anchored collection ends."""
        done = self._open.pop()
        done.anchor.weight = min(_ENOUGH, self.nodes + self._extra - done.count + 1)
        done.anchor.height = done.deepest - done.depth + 1
        if self._open and done.deepest > self._open[-1].deepest:
            self._open[-1].deepest = done.deepest

    def used(self, anchor: Anchor, depth: int) -> int:
        """An alias stands for a closed anchor, `depth` levels below the root; returns the depth that it reaches."""
        self._extra += (anchor.weight or 1) - 1
        reached = depth + anchor.height
        if self._open and reached > self._open[-1].deepest:
            self._open[-1].deepest = reached
        return reached
