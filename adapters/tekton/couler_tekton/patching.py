"""What changed between two versions of an object, carried over into the original: all else stays verbatim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.documents.rewriting import same_data
from couler_plugins.ir import Source

__all__ = ["Patch"]


class Patch:
    """Patches one object.

    Args:
        sources: for tasks of the new version, by their `id`, where they were read in the bundle.

    Attributes:
        origins: for objects of the result, by their `id`, the path in the original of what they were made from.
    """

    def __init__(self, sources: Mapping[int, Source]) -> None:
        self._sources = sources
        self.origins: dict[int, Path] = {}

    def patched(self, native: Any, before: Any, after: Any, path: Path) -> Any:
        """`native`, changed where `after` differs from `before`; the same object where they do not differ.

        Args:
            native: what was read.
            before: what would be written for that.
            after: what is to be written.
            path: where `native` is in its document.
        """
        if same_data(before, after):
            return self._from(native, path)
        match native, before, after:
            case dict(), dict(), dict():
                return self._from(self._mapping(native, before, after, path), path)
            case list(), list(), list() if len(native) == len(before):
                return [self._item(native, before, item, path) for item in after]
        return after

    def _mapping(self, native: dict[str, Any], before: Any, after: Any, path: Path) -> dict[str, Any]:
        gone = before.keys() - after.keys()
        kept = {
            key: self.patched(content, before.get(key), after[key], (*path, key)) if key in after else content
            for key, content in native.items()
            if key not in gone
        }
        added = {
            key: content
            for key, content in after.items()
            if key not in native and not (key in before and same_data(before[key], content))
        }
        return {**kept, **added}

    def _item(self, native: list[Any], before: list[Any], item: Any, path: Path) -> Any:
        """An item of a list: made from the one that it was read as, or else from the one of the same name."""
        source = self._sources.get(id(item))
        if source is not None and source[1:-1] == path:
            number = int(source[-1])
        else:
            number = next((number for number, old in enumerate(before) if _alike(old, item)), len(before))
        if number >= len(before):
            return item
        return self.patched(native[number], before[number], item, (*path, number))

    def _from(self, content: Any, path: Path) -> Any:
        if isinstance(content, dict):
            self.origins[id(content)] = path
        return content


def _alike(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict) and "name" in new:
        return bool(old.get("name") == new["name"])
    return same_data(old, new)
