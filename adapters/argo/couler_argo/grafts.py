"""JSON-like mappings, and new ones that are built out of the parts of old ones which are the same.

What is not touched stays the same object, so that whoever writes a document can leave its text as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["ABSENT", "Mapped", "graft", "merged", "same", "with_keys"]

Mapped = dict[str, Any]


class _Absent:
    """Marks a key that is not there, since None is a value in YAML."""


ABSENT = _Absent()


def with_keys(mapping: Mapped, keys: Collection[str], written: Mapped) -> Mapped:
    """`mapping` with these keys as they are in `written`, in its own order, new ones behind."""
    patched = {
        key: graft(content, written.get(key, ABSENT)) if key in keys else content for key, content in mapping.items()
    }
    patched.update({key: content for key, content in written.items() if key in keys and key not in mapping})
    return {key: content for key, content in patched.items() if content is not ABSENT}


def merged(mapping: Mapped, rest: Mapping[str, Any]) -> Mapped:
    """Both together; where both hold a mapping under one key, these are merged too."""
    for key, content in rest.items():
        own = mapping.get(key, ABSENT)
        if isinstance(own, dict) and isinstance(content, dict):
            merged(own, content)
        elif own is ABSENT:
            mapping[key] = content
    return mapping


def same(left: Any, right: Any) -> bool:
    """Whether two JSON-like values are equal, types included (in Python `1 == True`)."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(content, right[key]) for key, content in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(same(one, two) for one, two in zip(left, right, strict=True))
    return bool(left == right)


def graft(old: Any, new: Any) -> Any:
    """`new`, built out of the parts of `old` that are the same, in the order of keys that `old` has."""
    if same(old, new):
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        kept = {key: graft(content, new[key]) for key, content in old.items() if key in new}
        return {**kept, **{key: content for key, content in new.items() if key not in old}}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [graft(one, two) for one, two in zip(old, new, strict=True)]
    return new
