"""Finds which items of an old list live on in a new one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from couler_plugins.documents.mappings import by_key
from couler_plugins.documents.spans import Path

T = TypeVar("T")


def same_scalar(old: Any, new: Any) -> bool:
    """Whether two scalars are the same JSON value; 1, 1.0, true and "1" are four different ones."""
    return type(old) is type(new) and old == new and (old != 0 or str(old) == str(new))


def align(
    old: Sequence[Any], new: Sequence[Any], path: Path, origins: Mapping[int, Path]
) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """Pairs items of two lists.

    In turn by identity, by origin, by name (mappings) or value (all else), lists by their first item, and by position
    where as many are left over on both sides of a gap. The time is O(n log n).

    Args:
        old: the old list.
        new: the new list.
        path: the old list's path.
        origins: the old path of the object that a new object, by its `id`, was made from.

    Returns:
        The pairs (old index, new index), both ascending; and for each item that would cross them (it has moved within
        the list) its new index with its old one.
    """
    matching = _Matching(old, new)
    matching.by_identity()
    matching.by_origin(path, origins)
    matching.by_label(origins, _label)
    matching.by_label(origins, _first_label)
    pairs = [(matching.old_of[i], i) for i in sorted(matching.old_of)]
    kept = ascending(pairs, [j for j, _ in pairs])
    crossing = {i: j for j, i in set(pairs).difference(kept)}
    crossed = set(crossing.values())
    kept = _fill_gaps(
        kept,
        [j not in crossed for j in range(len(old))],
        [i not in crossing and not _settled(item, origins) for i, item in enumerate(new)],
    )
    return kept, crossing


class _Matching:
    def __init__(self, old: Sequence[Any], new: Sequence[Any]) -> None:
        self.old = old
        self.new = new
        self.old_of: dict[int, int] = {}
        self.used: set[int] = set()

    def _pair(self, j: int, i: int) -> None:
        self.old_of[i] = j
        self.used.add(j)

    def by_identity(self) -> None:
        backwards = range(len(self.old) - 1, -1, -1)
        places = by_key((id(self.old[j]), j) for j in backwards if isinstance(self.old[j], dict | list))
        for i, item in enumerate(self.new):
            if isinstance(item, dict | list) and (free := places.get(id(item))):
                self._pair(free.pop(), i)

    def by_origin(self, path: Path, origins: Mapping[int, Path]) -> None:
        if not origins:
            return
        claims = (
            (source[-1], i)
            for i, item in enumerate(self.new)
            if i not in self.old_of and (source := origins.get(id(item))) and source[:-1] == path
        )
        free = ((j, i) for j, i in claims if isinstance(j, int) and j < len(self.old) and j not in self.used)
        for j, claimants in by_key(free).items():
            # Of several clones, the one that kept the name is the original.
            name = _label(self.old[j])
            self._pair(j, next((i for i in claimants if _label(self.new[i]) == name), claimants[0]))

    def by_label(self, origins: Mapping[int, Path], label: Callable[[Any], Any]) -> None:
        backwards = range(len(self.old) - 1, -1, -1)
        places = by_key((name, j) for j in backwards if j not in self.used and (name := label(self.old[j])))
        if not places:
            return
        for i, item in enumerate(self.new):
            if i in self.old_of or id(item) in origins:
                continue
            if free := places.get(label(item)):
                self._pair(free.pop(), i)


def _settled(item: Any, origins: Mapping[int, Path]) -> bool:
    """Whether it is known that an item comes from elsewhere, or (a named one, where origins are known) from nowhere."""
    return id(item) in origins or (bool(origins) and isinstance(item, dict) and isinstance(item.get("name"), str))


def _label(item: Any) -> Any:
    """What an item is known by: a mapping by its name, all else by its value."""
    name = item.get("name") if isinstance(item, dict) else None
    return ("name", name) if isinstance(name, str) else repr(item)


def _first_label(item: Any) -> Any:
    """What a list is known by that lost or got items, as a group of steps does: its first one."""
    return _label(item[0]) if isinstance(item, list) and item else None


def _fill_gaps(pairs: list[tuple[int, int]], old_free: list[bool], new_free: list[bool]) -> list[tuple[int, int]]:
    """Pairs, by position, the unpaired items of each gap that has as many of them on both sides."""
    filled: list[tuple[int, int]] = []
    j = i = 0
    for next_j, next_i in [*pairs, (len(old_free), len(new_free))]:
        olds = range(j, next_j)
        news = range(i, next_i)
        if len(olds) == len(news) and all(old_free[k] for k in olds) and all(new_free[k] for k in news):
            filled.extend(zip(olds, news, strict=True))
        filled.append((next_j, next_i))
        j, i = next_j + 1, next_i + 1
    return filled[:-1]


def ascending(items: Sequence[T], keys: Sequence[int]) -> list[T]:
    """Return a longest run of items whose keys ascend."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for at, key in enumerate(keys):
        length = bisect_left(tails, key)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [key]
        ends[length : length + 1] = [at]
    run = []
    at = ends[-1] if ends else -1
    while at >= 0:
        run.append(items[at])
        at = before[at]
    return run[::-1]
