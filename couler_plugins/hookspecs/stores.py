"""Contract of artifact stores: objects by name, for the URL schemes of a plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol

import msgspec

from couler_plugins.markers import hookspec

__all__ = ["ArtifactStore", "StoredObject", "couler_artifact_stores"]


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object in a store.

    Attributes:
        name: its name, a relative path with `/`.
        bytes: its size.
        modified: when it was written, in seconds since 1970; None where the store does not say.
    """

    name: str
    bytes: int
    modified: float | None = None


class ArtifactStore(Protocol):
    """Objects in one place. A name is a relative path whose parts hold letters, digits, `.`, `_` and `-` only.

    An object is there as a whole or not at all, for every reader. What fails in the store raises OSError.
    """

    schemes: ClassVar[tuple[str, ...]]
    """The URL schemes served, without `://`; `file` includes plain paths, `*` is each that nobody else serves."""

    conditional: bool
    """Whether `put(replace=False)` is decided by the store itself; where not, two writers may both believe they won."""

    @classmethod
    def open(cls, url: str) -> ArtifactStore:
        """The store at a URL.

        Raises:
            InvalidInput: the URL is not understood, or what serves its scheme is not installed.
            OSError: the place cannot be used.
        """

    def put(self, name: str, content: bytes | Path, *, replace: bool = True) -> bool:
        """Writes an object; with `replace=False` only where there is none, and says whether it did."""

    def read(self, name: str) -> BinaryIO:
        """The object's bytes as a stream.

        Raises:
            FileNotFoundError: there is none.
        """

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """The objects whose names start with `prefix` (empty, or with a `/` at its end); all of them, or OSError."""

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is no error."""


@hookspec
def couler_artifact_stores() -> list[type[ArtifactStore]]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the artifact stores of this plugin."""
