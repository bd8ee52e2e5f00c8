"""Documents of which a part was replaced, and where their objects come from."""

from __future__ import annotations

from typing import Any

from couler_plugins.documents import Path

__all__ = ["Origins", "with_at"]


class Origins:
    """Where, in the original document, each object was that a lowered one was made from.

    Attributes:
        paths: by the `id` of the lowered object, which is kept alive here so that the id stays its own.
    """

    def __init__(self) -> None:
        self.paths: dict[int, Path] = {}
        self._alive: list[Any] = []

    def note(self, lowered: Any, path: Path) -> None:
        """Remembers where `lowered` comes from."""
        self.paths[id(lowered)] = path
        self._alive.append(lowered)


def with_at(data: Any, path: Path, content: Any) -> Any:
    """`data` with what is under a path replaced; everything beside the path stays the same object."""
    if not path:
        return content
    key, rest = path[0], path[1:]
    inner = with_at(data[key], rest, content)
    if inner is data[key]:
        return data
    if isinstance(data, list):
        return [inner if number == key else item for number, item in enumerate(data)]
    return {name: inner if name == key else item for name, item in data.items()}
