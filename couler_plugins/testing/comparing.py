"""Judges of edits and of IR values that share no code with what they judge: they only know the meaning of edits."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from couler_plugins.documents import Edit
from couler_plugins.ir import Node, compared_fields

__all__ = ["apply", "differences", "exactly"]


def _unshared(data: Any) -> Any:
    """Return a copy in which nothing is in two places, as what an anchor and its aliases stand for is."""
    if isinstance(data, dict):
        return {key: _unshared(content) for key, content in data.items()}
    return [_unshared(item) for item in data] if isinstance(data, list) else data


def apply(old: Any, edits: Sequence[Edit]) -> Any:
    """Carries out edits on data, by the definition of their paths."""
    box = {"root": _unshared(old)}
    for edit in edits:
        if edit.op == "replace":
            assert edit.before is not None
            holder, key = _holder(box, edit.before)
            assert exactly(holder[key], edit.old)
            holder[key] = copy.deepcopy(edit.new)
    removed = [edit.before for edit in edits if edit.op == "remove" and edit.before is not None]
    for path in sorted(removed, key=_order, reverse=True):
        holder, key = _holder(box, path)
        del holder[key]
    added = [(edit.after, edit.new) for edit in edits if edit.op == "add" and edit.after is not None]
    for path, value in sorted(added, key=lambda pair: _order(pair[0])):
        holder, key = _holder(box, path)
        if isinstance(holder, list):
            assert key <= len(holder)
            holder.insert(key, copy.deepcopy(value))
        else:
            assert key not in holder
            holder[key] = copy.deepcopy(value)
    return box["root"]


def _order(path: Iterable[Any]) -> list[tuple[int, str]]:
    return [(key, "") if isinstance(key, int) else (-1, key) for key in path]


def _holder(box: Any, path: Sequence[Any]) -> tuple[Any, Any]:
    holder, key = box, "root"
    for step in path:
        holder, key = holder[key], step
    return holder, key


def exactly(left: Any, right: Any) -> bool:
    """Whether two trees are equal with their types; the order of keys does not matter."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(exactly(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(exactly, left, right))
    return bool(left == right) and str(left) == str(right)


def differences(left: object, right: object, place: str = "") -> Iterator[str]:
    """Every place where two values differ, with what is there on both sides."""
    if left == right:
        return
    if isinstance(left, Node) and type(left) is type(right):
        for name in compared_fields(type(left)):
            yield from differences(getattr(left, name), getattr(right, name), f"{place}.{name}")
    elif isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    else:
        yield f"{place}: {left!r:.200} is not {right!r:.200}"
