"""A result that was found, kept from being evicted while it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

from couler_plugins.caching.artifacts.blobs import Blobs
from couler_plugins.caching.artifacts.entry import Damaged, Entry, Output

T = TypeVar("T")


class Closing:
    """Something that is closed at the end of a `with`."""

    def close(self) -> None:
        """Ends it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Hit(Closing):
    """An entry and the lease on it; close it, or use it in a `with`.

    Args:
        entry: the entry.
        blobs: where its bytes are.
        release: ends the lease.
        drop: takes out the entry, because a blob of it is damaged or missing.
    """

    def __init__(self, entry: Entry, blobs: Blobs, release: Callable[[], None], drop: Callable[[], None]) -> None:
        self.entry = entry
        self._blobs = blobs
        self._release: Callable[[], None] | None = release
        self._drop = drop

    @property
    def outputs(self) -> Mapping[str, Output]:
        """The outputs by name."""
        return {output.name: output for output in self.entry.outputs}

    @property
    def created(self) -> float:
        """When the result was stored, in seconds since 1970."""
        return self.entry.created

    def read(self, name: str) -> bytes:
        """The bytes of an output.

        Raises:
            Lost: there is no such output, or its blob is missing, damaged or cannot be read; go on as after a miss.
        """
        output = self.entry.output(name)
        return self._checked(lambda: self._blobs.read(output))

    def open(self, name: str) -> BinaryIO:
        """The bytes of an output as a file of the caller's own, verified already.

        Raises:
            Lost: as `read` does.
            OSError: there is no room for it.
        """
        output = self.entry.output(name)
        return self._checked(lambda: self._blobs.open(output))

    def save(self, name: str, path: Path) -> None:
        """Writes an output to a file, which is replaced at once when all is right.

        Raises:
            Lost: as `read` does.
            OSError: the file cannot be written.
        """
        output = self.entry.output(name)
        self._checked(lambda: self._blobs.save(output, path))

    def close(self) -> None:
        """Ends the lease. What was handed out stays readable."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def _checked(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Damaged:
            self._drop()
            raise
